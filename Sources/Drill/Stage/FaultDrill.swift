import BatonClient
import BatonLocalPostgres

/// Two coordinators, some workers, a steady load, and one fault after the other.
public struct FaultDrill: Drill {
  public struct Options: FleetDrillOptions {
    /// Names of faults; all that there are if empty.
    public var faults: [String] = []
    public var workers = 4
    public var slots = 6
    public var seed: UInt64 = 1
    /// Jobs submitted in a second for each worker: they keep two thirds of the slots busy, and some more, so that half of
    /// the fleet could not do them.
    public var rate = 5.0
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
  let setting: DrillSetting

  public init(_ options: Options, in setting: DrillSetting) {
    self.options = options
    self.setting = setting
  }

  /// How long the rate is measured before a fault and after it, in seconds.
  private var window: Double { options.isShort ? 5 : 8 }
  /// Jobs submitted in a second.
  private var rate: Double { options.rate * Double(options.workers) }

  public func run() async throws -> FaultVerdict {
    let names = options.faults.isEmpty && options.isShort ? Self.short : options.faults
    var verdict = FaultVerdict()
    for (number, fleet) in try Self.fleets(names).enumerated() {
      let faults = fleet.pinned ? [PinnedTransaction()] + fleet.faults : fleet.faults
      let history = try await run(fleet, folder: "fleet-\(number + 1)")
      verdict.add(FaultCheck(history: history, faults: faults, forgivesSlowness: options.isShort).verdict())
    }
    return verdict
  }

  /// The faults that happen to one fleet, one after the other.
  struct Course: Sendable {
    var faults: [any Fault]
    /// Whether a transaction stays open from before the first of them until after the last.
    var pinned = false
  }

  /// - Parameter names: Those that are wanted; all if empty.
  static func fleets(_ names: [String]) throws -> [Course] {
    let chosen = try names.map { name in
      guard let fault = Faults.named(name) else { throw DrillFailure("there is no fault '\(name)'") }
      return fault
    }
    let faults = chosen.isEmpty ? Faults.all : chosen
    var first = Course(faults: faults.filter { !$0.needsStandby })
    if chosen.isEmpty {
      first.faults.removeAll { $0 is PinnedTransaction }
      first.pinned = true
    }
    // A standby costs every commit a round trip, so those faults have a fleet of their own.
    return (first.faults.isEmpty ? [] : [first]) + faults.filter(\.needsStandby).map { Course(faults: [$0]) }
  }

  private func run(_ course: Course, folder: String) async throws -> [HistoryEntry] {
    let fleet = try setting.fleet(folder)
    let recorder = try HistoryRecorder(path: fleet.folder + "/history.jsonl")
    var size = StageOptions(workers: options.workers, slots: options.slots, lease: options.lease)
    size.isShort = options.isShort
    try await fleet.play {
      recorder.record(.late(seconds: $0))
    } body: { [size] in
      let builder = FaultStageBuilder(
        options: size, fleet: fleet, note: { recorder.record($0) }, origin: recorder.origin, logger: setting.logger,
        needsStandby: course.faults.contains(where: \.needsStandby))
      try await builder.with { stage, clients in try await play(course, stage, clients, recorder) }
    }
    return recorder.entries
  }

  // MARK: The play

  private func play(
    _ course: Course, _ stage: FaultStage, _ clients: [BatonClient], _ recorder: HistoryRecorder
  ) async throws {
    let load = FaultLoad(plan: FaultJobPlan(seed: options.seed), rate: rate, fleet: stage.fleet, recorder: recorder)
    let isOver = Occurrence<Void>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (coordinator, address) in zip(stage.coordinators, stage.addresses) {
        let watch = ReadinessWatch(coordinator: coordinator.name, address: address, recorder: recorder)
        group.addTask { try await watch.run(until: isOver) }
      }
      group.addTask { await load.submit(to: Array(zip(stage.coordinators.map(\.name), clients))) }
      group.addTask {
        // Until everybody has something to do.
        try await Task.sleep(for: .seconds(3))
        if course.pinned {
          let span = PinnedTransaction { try await play(course.faults, stage, load, recorder) }
          try await play([span], stage, load, recorder)
        } else {
          try await play(course.faults, stage, load, recorder)
        }
        load.stop()
        isOver.happen()
      }
      // Whatever goes wrong with a fault is the end of the load, too, which would else go on for ever.
      for try await _ in group {}
    }
    let database = await stage.database
    try await load.drain(database, seconds: 120)
    try await load.collect(database)
  }

  /// One fault after the other. The rate between two of them is the one after the first and before the second.
  private func play(
    _ faults: [any Fault], _ stage: FaultStage, _ load: FaultLoad, _ recorder: HistoryRecorder
  ) async throws {
    guard let first = faults.first else { return }
    recorder.record(.phase(fault: first.name, .before))
    try await Task.sleep(for: .seconds(window))
    for (index, fault) in faults.enumerated() {
      let former = min(rate, recorder.doneRate(from: recorder.now - window, to: recorder.now))
      let hasHappened = try await inflict(fault, on: stage, recorder)
      var settled = recorder.now
      if hasHappened {
        try await awaitRecovery(from: fault, former: former, stage, recorder)
        if try await load.settle(await stage.database, seconds: 30) {
          settled = recorder.now
          recorder.record(.phase(fault: fault.name, .settled))
        }
      }
      if index + 1 < faults.count { recorder.record(.phase(fault: faults[index + 1].name, .before)) }
      try await Task.sleep(for: .seconds(window))
      guard hasHappened else { continue }
      // So few jobs may be a twentieth less by chance: where it looks like that, twice as many tell.
      if recorder.doneRate(from: settled, to: recorder.now) < former * (1 + FaultCheck.share) / 2 {
        try await Task.sleep(for: .seconds(window))
      }
      recorder.record(.phase(fault: fault.name, .over))
    }
  }

  /// - Returns: Whether it did happen.
  private func inflict(_ fault: any Fault, on stage: FaultStage, _ recorder: HistoryRecorder) async throws -> Bool {
    recorder.record(.phase(fault: fault.name, .begun))
    do {
      guard let evidence = try await fault.inflict(on: stage) else {
        throw FaultUnavailable(reason: "it did not happen")
      }
      recorder.record(.phase(fault: fault.name, .passed(evidence: evidence)))
      return true
    } catch let unavailable as FaultUnavailable {
      recorder.record(.phase(fault: fault.name, .skipped(reason: unavailable.reason)))
      setting.say("\(fault.name): \(unavailable.reason)")
      return false
    }
  }

  /// Waits until the rate is what it was, and every part of the fleet has been seen working; or it is no use any more.
  private func awaitRecovery(
    from fault: any Fault, former: Double, _ stage: FaultStage, _ recorder: HistoryRecorder
  ) async throws {
    let passed = recorder.now
    while recorder.now < passed + fault.recoveryLimit + 20 {
      try await Task.sleep(for: .milliseconds(200))
      let now = recorder.now
      let isBack = recorder.doneRate(from: now - FaultCheck.window, to: now) >= former * FaultCheck.share
      let seen = PartsAtWork.seen(in: recorder.latest(from: passed), since: passed)
      if now - passed > FaultCheck.window, isBack, stage.parts.allSatisfy({ seen[$0] != nil }) { break }
    }
    setting.say("\(fault.name): through after \(tenths(recorder.now - passed)) s")
  }
}

extension HistoryRecorder {
  /// Jobs a second that workers were told are done.
  func doneRate(from start: Double, to end: Double) -> Double {
    let count = latest(from: start).count { $0.event.isDone && $0.at < end }
    return Double(count) / max(0.001, end - start)
  }
}
