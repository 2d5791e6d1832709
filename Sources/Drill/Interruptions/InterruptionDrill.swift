import BatonClient
import BatonLocalPostgres

/// A fleet under interruptions of every kind, told and untold; and what became of its jobs.
public struct InterruptionDrill: Drill {
  public struct Options: FleetDrillOptions {
    public var workers = 10
    /// Jobs that a worker runs at once.
    public var slots = 2
    /// How long faults happen, in seconds; what is running then is let finish.
    public var seconds = 1800.0
    public var seed: UInt64 = 1
    /// How long a lease lasts, in seconds.
    public var lease = 10.0
    /// How long a drain may last that has no time of its own, in seconds.
    public var grace = 20.0

    public init() {}
  }

  let options: Options
  let setting: DrillSetting

  public init(_ options: Options, in setting: DrillSetting) {
    self.options = options
    self.setting = setting
  }

  public func run() async throws -> InterruptionVerdict {
    let fleet = try setting.fleet()
    let recorder = try HistoryRecorder(path: fleet.folder + "/history.jsonl")
    try await fleet.play {
      recorder.record(.late(seconds: $0))
    } body: {
      try await play(fleet, recorder)
    }
    return InterruptionCheck(history: recorder.entries).verdict()
  }

  private func play(_ fleet: DrillFleet, _ recorder: HistoryRecorder) async throws {
    recorder.record(.lease(seconds: options.lease))
    let port = try await startCoordinator(fleet)
    let address = "http://127.0.0.1:\(port)"
    let end = ContinuousClock.now + .seconds(options.seconds)
    let over = Occurrence<Void>()
    let plan = JobPlan(seed: options.seed, longest: min(200, options.seconds * 0.6))
    // Less than there is room for, so that most of what is handed back finds a worker waiting.
    let load = DrillLoad(
      plan: plan, outstanding: max(1, options.workers * options.slots * 3 / 4), fleet: fleet, recorder: recorder)
    let faults = FaultCounter()
    let configuration = BatonClient.Configuration(address: address, timeout: .seconds(30))
    try await BatonClient.with(configuration) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 1...options.workers {
          let slot = WorkerSlot(
            number: number, plan: FatePlan(seed: options.seed, lease: options.lease), grace: options.grace,
            fleet: fleet, recorder: recorder, client: client, environment: environment(coordinator: address),
            faults: faults, end: end, over: over)
          group.addTask { await slot.run() }
        }
        group.addTask {
          try await load.submit(to: client, until: end)
          setting.say("no more faults; waiting for the jobs that still run")
          let left = try await load.drain(client, seconds: 300 + plan.longest * 2)
          if left > 0 { setting.say("\(left) jobs have not come to an end") }
          over.happen()
        }
        try await group.waitForAll()
      }
      recorder.record(.left(processes: fleet.strayProcesses.count))
      setting.say("collecting what the coordinator and the jobs say")
      try await load.collect(client)
    }
  }

  /// - Returns: The port that it listens on.
  private func startCoordinator(_ fleet: DrillFleet) async throws -> Int {
    let listening = Occurrence<Int>()
    let environment = ["LEASE_TTL_SECONDS": "\(options.lease)", "DATABASE_CONNECTIONS": "4"]
    let process = try await fleet.startCoordinator("coordinator", environment: environment) { listening.happen($0) }
    guard let port = await listening.wait(seconds: 60) else { throw DrillFailure("the coordinator does not listen") }
    try await fleet.waitUntilReady(process, at: "http://127.0.0.1:\(port)")
    return port
  }

  private func environment(coordinator: String) -> [String: String] {
    [
      "COORDINATOR_URL": coordinator, "WORKER_SLOTS": "\(options.slots)", "WORKER_CAPACITY_TYPE": "spot",
      "SPOT_PROVIDER": "aws", "POLL_INTERVAL_SECONDS": "\(InterruptionCheck.pollInterval)",
      "GRACE_PERIOD_SECONDS": "\(options.grace)", "EXEC_ALLOW": "*",
      // So that they say what they were told of checkpoints.
      "LOG_LEVEL": "debug",
    ]
  }
}
