import BatonClient
import BatonLocalPostgres
import Logging
import Synchronization

/// Two coordinators, some workers, a steady load, and one fault after the other.
public struct FaultDrill: Sendable {
  public struct Options: Sendable {
    /// Names of faults; all that there are if empty.
    public var faults: [String] = []
    public var workers = 4
    public var slots = 6
    public var seed: UInt64 = 1
    /// Jobs submitted in a second.
    public var rate = 12.0
    /// How long a lease lasts, in seconds.
    public var lease = 6.0
    /// Fewer and shorter faults, for a first look.
    public var isShort = false

    public init() {}
  }

  /// The names of all faults with what they do.
  public static var faults: [(name: String, summary: String)] { Faults.all.map { ($0.name, $0.summary) } }

  /// Those of a short drill: one of each sort.
  static let short = [
    "worker-sigkill", "coordinator-sigkill", "postgres-immediate", "backends-killed", "workers-cut", "database-reset",
    "answers-lost",
  ]

  let options: Options
  let programs: DrillPrograms
  let folder: String
  let logger: Logger
  let say: @Sendable (String) -> Void

  /// - Parameter folder: Made if it is not there; an absolute path.
  public init(
    options: Options, programs: DrillPrograms, folder: String, logger: Logger, say: @escaping @Sendable (String) -> Void
  ) {
    self.options = options
    self.programs = programs
    self.folder = folder
    self.logger = logger
    self.say = say
  }

  /// Runs the drill; every process that it started has ended when this returns or throws.
  /// - Throws: `DrillFailure`, `CancellationError` after a Ctrl-C, and what keeps the fleet from starting.
  public func run() async throws -> FaultVerdict {
    let chosen = try chosenFaults()
    var verdict = FaultVerdict()
    // A standby costs every commit a round trip, so those faults have a fleet of their own.
    let groups = [chosen.filter { !$0.needsStandby }] + chosen.filter(\.needsStandby).map { [$0] }
    for (number, faults) in groups.enumerated() where !faults.isEmpty {
      let entries = try await run(faults, folder: "\(folder)/fleet-\(number + 1)")
      verdict.add(FaultCheck(history: entries, faults: faults, forgivesSlowness: options.isShort).verdict())
    }
    return verdict
  }

  private func chosenFaults() throws -> [any Fault] {
    let names = options.faults.isEmpty && options.isShort ? Self.short : options.faults
    if names.isEmpty { return Faults.all }
    return try names.map { name in
      guard let fault = Faults.named(name) else { throw DrillFailure("there is no fault '\(name)'") }
      return fault
    }
  }

  private func run(_ faults: [any Fault], folder: String) async throws -> [HistoryEntry] {
    let fleet = try DrillFleet(folder: folder, programs: programs, logger: logger)
    let recorder = try HistoryRecorder(path: folder + "/history.jsonl")
    let needsStandby = faults.contains(where: \.needsStandby)
    var size = StageOptions(workers: options.workers, slots: options.slots, lease: options.lease)
    size.isShort = options.isShort
    try await fleet.play {
      recorder.record(.late(seconds: $0))
    } body: { [size] in
      let builder = FaultStageBuilder(
        options: size, fleet: fleet, note: { recorder.record($0) }, logger: logger, needsStandby: needsStandby)
      try await builder.with { stage, clients in try await play(faults, stage, clients, recorder) }
    }
    return recorder.entries
  }

  // MARK: The play

  private func play(
    _ faults: [any Fault], _ stage: FaultStage, _ clients: [BatonClient], _ recorder: HistoryRecorder
  ) async throws {
    let load = FaultLoad(
      plan: FaultJobPlan(seed: options.seed), rate: options.rate, fleet: stage.fleet, recorder: recorder)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await load.submit(to: clients) }
      group.addTask {
        // Until everybody has something to do.
        try await Task.sleep(for: .seconds(2))
        for fault in faults {
          await load.awaitBalance(seconds: 20)
          try await play(fault, stage, recorder)
        }
        load.stop()
      }
      try await group.waitForAll()
    }
    let database = await (stage.postgres.pid == nil ? stage.standby : nil) ?? stage.postgres
    try await load.drain(database, seconds: 120)
    try await load.collect(database)
  }

  private func play(_ fault: any Fault, _ stage: FaultStage, _ recorder: HistoryRecorder) async throws {
    recorder.record(.phase(fault: fault.name, .before))
    let start = recorder.now
    // The rate before a fault and after it is measured for so long.
    let window = options.isShort ? 3 : FaultCheck.after
    try await Task.sleep(for: .seconds(window))
    let former = recorder.doneRate(from: start, to: recorder.now)
    recorder.record(.phase(fault: fault.name, .begun))
    do {
      guard let evidence = try await fault.inflict(on: stage) else {
        throw FaultUnavailable(reason: "it did not happen")
      }
      recorder.record(.phase(fault: fault.name, .passed(evidence: evidence)))
    } catch let unavailable as FaultUnavailable {
      recorder.record(.phase(fault: fault.name, .skipped(reason: unavailable.reason)))
      say("\(fault.name): \(unavailable.reason)")
      return
    }
    let passed = recorder.now
    let limit = passed + fault.recoveryLimit + 20
    while recorder.now < limit {
      try await Task.sleep(for: .milliseconds(200))
      let now = recorder.now
      let isBack = recorder.doneRate(from: now - FaultCheck.window, to: now) >= former * FaultCheck.share
      if now - passed > FaultCheck.window, isBack { break }
    }
    say("\(fault.name): through after \(tenths(recorder.now - passed)) s")
    try await Task.sleep(for: .seconds(window))
    recorder.record(.phase(fault: fault.name, .over))
  }
}

extension HistoryRecorder {
  /// Jobs a second that workers were told are done.
  func doneRate(from start: Double, to end: Double) -> Double {
    let count = latest(from: start).count { entry in
      if case .told(_, _, _, "done") = entry.event { entry.at < end } else { false }
    }
    return Double(count) / max(0.001, end - start)
  }
}
