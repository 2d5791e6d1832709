import BatonLocalPostgres

/// The five scenarios of a public comparison of job queues on PostgreSQL: the rate at which a fleet works that always has
/// something to do, before and after.
public struct ChaosDrill: Drill {
  public struct Options: FleetDrillOptions {
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

  /// How long a job takes, in seconds: so long that the slots bound the rate, and two cores are not half busy.
  private static let jobSeconds = 0.5
  /// From the end of a fault until the rate is measured, in seconds: what is asked is that it is back by then.
  static let recovery = 12.0

  let options: Options
  let setting: DrillSetting

  public init(_ options: Options, in setting: DrillSetting) {
    self.options = options
    self.setting = setting
  }

  /// How long the rate is measured, in seconds.
  private var window: Double { options.isShort ? 10 : 20 }

  public func run() async throws -> StreamVerdict {
    var stage = StageOptions(workers: options.workers, slots: options.slots, lease: options.lease)
    stage.isShort = options.isShort
    stage.databaseConnections = 6
    let plan = StreamPlan(seed: options.seed, work: .sleep(seconds: Self.jobSeconds), batch: 100)
    let slots = options.workers * options.slots
    return try await StreamStage(options: stage, setting: setting).play(
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
    setting.say("\(fault.name): \(tenths(former)) jobs/s before, \(tenths(after)) after")
  }
}
