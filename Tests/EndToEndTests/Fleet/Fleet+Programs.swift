import BatonClient
import BatonTestSupport
import Testing

extension Fleet {
  /// Starts a coordinator and waits until it is ready.
  ///
  /// - Parameters:
  ///   - lease: How long its leases last, in seconds.
  ///   - heartbeat: How often workers are told to heartbeat, in seconds; a third of the lease if nil.
  ///   - port: To take the place of one that has ended; a free one if nil.
  func startCoordinator(
    _ name: String = "coordinator", lease: Double = 5, heartbeat: Double? = nil, port: Int? = nil,
    environment: [String: String] = [:], isAwaited: Bool = true
  ) async throws -> RunningProcess {
    let port = port ?? FreePorts.next()
    var variables = [
      "DATABASE_URL": databaseURL, "PORT": "\(port)", "LEASE_TTL_SECONDS": "\(lease)", "DATABASE_CONNECTIONS": "4",
      "SHUTDOWN_DELAY_SECONDS": "0.2", "EXIT_WITH_PARENT": "true",
    ]
    if let heartbeat { variables["HEARTBEAT_SECONDS"] = "\(heartbeat)" }
    let process = try await start(
      name, program: "coordinator", environment: variables.merging(environment) { $1 }, port: port)
    if isAwaited { try await waitUntilReady(process) }
    return process
  }

  /// Starts a worker and waits until it has registered.
  ///
  /// - Parameters:
  ///   - coordinators: Whom it works for, in this order.
  ///   - grace: How long its drain may last, in seconds.
  func startWorker(
    _ name: String, for coordinators: RunningProcess..., slots: Int = 1, grace: Double = 20,
    environment: [String: String] = [:]
  ) async throws -> RunningProcess {
    let port = FreePorts.next()
    let variables = [
      "COORDINATOR_URL": coordinators.map(\.address).joined(separator: ","), "PORT": "\(port)", "WORKER_NAME": name,
      "WORKER_SLOTS": "\(slots)", "WORKER_CAPACITY_TYPE": "spot", "SPOT_WATCHER_ENABLED": "false",
      "GRACE_PERIOD_SECONDS": "\(grace)", "EXEC_ALLOW": "*", "EXIT_WITH_PARENT": "true",
    ]
    let process = try await start(
      name, program: "worker", environment: variables.merging(environment) { $1 }, port: port)
    try await waitUntilReady(process)
    return process
  }

  /// Waits until `/ready` says so.
  func waitUntilReady(_ process: RunningProcess) async throws {
    try await eventually("\(process.name) being ready") {
      if let ending = process.ending { throw StoryFailure("\(process.name) has ended: \(ending)") }
      return await readiness(of: process) == 200
    }
  }

  /// The status of `/ready`; nil when nobody answers.
  func readiness(of process: RunningProcess) async -> Int? {
    try? await call("GET", process.address + "/ready", timeout: .seconds(2)).status
  }

  /// The id under which a worker is known; the coordinator has a worker by that name only once.
  func workerID(of worker: RunningProcess, at coordinator: RunningProcess) async throws -> String {
    let workers = try await send(.workers(), to: coordinator.address).workers
    return try #require(workers.first { $0.id.hasPrefix(worker.name + "-") }).id
  }
}
