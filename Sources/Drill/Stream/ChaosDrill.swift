import BatonClient
import BatonLocalPostgres
import Logging

/// The five scenarios of a public comparison of job queues on PostgreSQL: the rate at which a fleet works that always has
/// something to do, before and after.
public struct ChaosDrill: Sendable {
  public struct Options: Sendable {
    public var workers = 4
    /// Jobs that a worker runs at once.
    public var slots = 20
    public var seed: UInt64 = 1
    /// How long a lease lasts, in seconds.
    public var lease = 6.0
    /// Shorter faults and measurements, for a first look.
    public var isShort = false

    public init() {}
  }

  /// In the order of the comparison.
  static let faults: [any Fault] = [
    DatabaseRestarted(mode: .fast), BackendsKilled(), ConnectionsExhausted(), WorkerKilledRepeatedly(), Crash(),
  ]

  /// How long a job takes, in seconds.
  private static let jobSeconds = 0.25
  /// From the end of a fault until the rate is measured, in seconds: what is asked is that it is back by then.
  static let recovery = 12.0

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

  /// How long the rate is measured, in seconds.
  private var window: Double { options.isShort ? 10 : 20 }

  /// Runs the drill; every process that it started has ended when this returns or throws.
  /// - Throws: `DrillFailure`, `CancellationError` after a Ctrl-C, and what keeps the fleet from starting.
  public func run() async throws -> StreamVerdict {
    var stage = StageOptions(workers: options.workers, slots: options.slots, lease: options.lease)
    stage.isShort = options.isShort
    stage.databaseConnections = 6
    let plan = StreamPlan(seed: options.seed, work: .sleep(seconds: Self.jobSeconds), batch: 100)
    let slots = options.workers * options.slots
    return try await StreamStage(options: stage, programs: programs, folder: folder, logger: logger).play(
      scenario: "chaos", plan: plan, total: nil, backlog: slots * 10, drainSeconds: 120
    ) { stage, load, recorder in
      // Until everybody has something to do, and the programs have read all of themselves.
      try await Task.sleep(for: .seconds(5))
      for fault in Self.faults { try await play(fault, on: stage, recorder) }
      await stage.heal()
    }
  }

  private func play(_ fault: any Fault, on stage: FaultStage, _ recorder: StreamRecorder) async throws {
    recorder.record(.phase(fault: fault.name, .before))
    let start = recorder.now
    try await Task.sleep(for: .seconds(window))
    let former = recorder.doneRate(from: start, to: recorder.now)
    recorder.record(.phase(fault: fault.name, .begun))
    do {
      let evidence = try await fault.inflict(on: stage)
      recorder.record(
        .phase(fault: fault.name, evidence.map { .passed(evidence: $0) } ?? .skipped(reason: "it did not happen")))
    } catch let unavailable as FaultUnavailable {
      recorder.record(.phase(fault: fault.name, .skipped(reason: unavailable.reason)))
    }
    try await Task.sleep(for: .seconds(Self.recovery + window))
    let after = recorder.doneRate(from: recorder.now - window, to: recorder.now)
    recorder.record(.phase(fault: fault.name, .over))
    say("\(fault.name): \(tenths(former)) jobs/s before, \(tenths(after)) after")
  }
}
