import BatonClient
import BatonLocalPostgres
import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A fleet under interruptions of every kind, told and untold; and what became of its jobs.
public struct InterruptionDrill: Sendable {
  public struct Options: Sendable {
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

  public let options: Options
  let programs: DrillPrograms
  /// For logs, records and the history.
  let folder: String
  let logger: Logger
  /// Told how it goes, in a line now and then.
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
  public func run() async throws -> InterruptionVerdict {
    let fleet = try DrillFleet(folder: folder, programs: programs, logger: logger)
    let recorder = try HistoryRecorder(path: folder + "/history.jsonl")
    try await fleet.play {
      recorder.record(.late(seconds: $0))
    } body: {
      try await play(fleet, recorder)
    }
    return InterruptionCheck(history: recorder.entries).verdict()
  }

  private func play(_ fleet: DrillFleet, _ recorder: HistoryRecorder) async throws {
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
          say("no more faults; waiting for the jobs that still run")
          let left = try await load.drain(client, seconds: 300 + plan.longest * 2)
          if left > 0 { say("\(left) jobs have not come to an end") }
          over.happen()
        }
        try await group.waitForAll()
      }
      recorder.record(.left(processes: fleet.strayProcesses.count))
      say("collecting what the coordinator and the jobs say")
      try await load.collect(client)
    }
  }

  /// - Returns: The port that it listens on.
  private func startCoordinator(_ fleet: DrillFleet) async throws -> Int {
    let listening = Occurrence<Int>()
    let environment = [
      "DATABASE_URL": await fleet.postgres.url(database: "baton"), "PORT": "0",
      "LEASE_TTL_SECONDS": "\(options.lease)", "DATABASE_CONNECTIONS": "4", "SHUTDOWN_DELAY_SECONDS": "0.2",
    ]
    let process = try await fleet.start("coordinator", programs.coordinator, environment: environment) { text in
      if let port = LogLine(text)?.coordinatorPort { listening.happen(port) }
    }
    guard let port = await listening.wait(seconds: 60) else { throw DrillFailure("the coordinator does not listen") }
    try await fleet.waitUntilReady(process, at: "http://127.0.0.1:\(port)")
    return port
  }

  private func environment(coordinator: String) -> [String: String] {
    [
      "COORDINATOR_URL": coordinator, "WORKER_SLOTS": "\(options.slots)", "WORKER_CAPACITY_TYPE": "spot",
      "SPOT_PROVIDER": "aws", "POLL_INTERVAL_SECONDS": "\(InterruptionCheck.pollInterval)",
      "GRACE_PERIOD_SECONDS": "\(options.grace)", "EXEC_ALLOW": "*",
    ]
  }
}
