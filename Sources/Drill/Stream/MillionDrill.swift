/// Very many jobs through a fleet to which something happens all the time, and a history that is checked whole.
public struct MillionDrill: Drill {
  public struct Options: FleetDrillOptions {
    public var jobs = 1_000_000
    public var workers = 6
    /// Jobs that a worker runs at once.
    public var slots = 64
    public var seed: UInt64 = 1
    /// How long a lease lasts, in seconds.
    public var lease = 6.0

    public init() {}
  }

  let options: Options
  let setting: DrillSetting

  public init(_ options: Options, in setting: DrillSetting) {
    self.options = options
    self.setting = setting
  }

  public func run() async throws -> StreamVerdict {
    var stage = StageOptions(workers: options.workers, slots: options.slots, lease: options.lease)
    stage.isShort = true
    stage.databaseConnections = 6
    let plan = StreamPlan(seed: options.seed, work: .nothing(sleepersInHundred: 2))
    let backlog = min(max(100, options.jobs / 10), options.workers * options.slots * 10)
    return try await StreamStage(options: stage, setting: setting).play(
      scenario: "million", plan: plan, total: options.jobs, backlog: backlog, drainSeconds: 180
    ) { stage, load, recorder in
      try await afflict(stage, load, recorder)
    }
  }

  private func afflict(_ stage: FaultStage, _ load: StreamLoad, _ recorder: StreamRecorder) async throws {
    let faults = MixedFaultPlan(seed: options.seed, workers: options.workers)
    let isOver = Occurrence<Void>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for lane in MixedFaultPlan.Lane.allCases {
        group.addTask { try await play(lane, of: faults, on: stage, recorder, until: isOver) }
      }
      group.addTask {
        try await waitForWork(load, recorder)
        isOver.happen()
      }
      try await group.waitForAll()
    }
    setting.say("no more faults; waiting for the last jobs")
    await stage.heal()
  }

  /// Waits until all jobs are accepted and next to all are done, and says now and then how far it is.
  private func waitForWork(_ load: StreamLoad, _ recorder: StreamRecorder) async throws {
    var saidAt = ContinuousClock.now
    while recorder.counts.accepted < options.jobs || load.open > load.backlog / 10 {
      try await Task.sleep(for: .milliseconds(100))
      guard saidAt + .seconds(15) < .now else { continue }
      saidAt = .now
      let (accepted, done) = recorder.counts
      setting.say("\(tenths(recorder.now)) s: \(accepted) accepted, \(done) done")
    }
  }

  private func play(
    _ lane: MixedFaultPlan.Lane, of plan: MixedFaultPlan, on stage: FaultStage, _ recorder: StreamRecorder,
    until isOver: Occurrence<Void>
  ) async throws {
    var index = 0
    while isOver.value == nil {
      let (pause, fault) = plan.fault(lane, index)
      index += 1
      await isOver.wait(seconds: pause)
      try Task.checkCancellation()
      if isOver.value != nil { return }
      recorder.record(.phase(fault: fault.name, .begun))
      do {
        let evidence = try await fault.inflict(on: stage)
        // What is to be hit may be away already: the other lane has faults of its own.
        recorder.record(
          .phase(fault: fault.name, evidence.map { .passed(evidence: $0) } ?? .skipped(reason: "it did not happen")))
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        recorder.record(.phase(fault: fault.name, .skipped(reason: "\(error)")))
      }
    }
  }
}
