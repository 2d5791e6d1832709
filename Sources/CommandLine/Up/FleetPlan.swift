import BatonShared

/// What a local fleet consists of.
struct FleetPlan: Sendable, Equatable {
  struct Program: Sendable, Equatable {
    /// `coordinator`, `worker-1`, `worker-2`, …
    var name: String
    var executable: String
    /// Set on top of what `baton up` itself was given.
    var environment: [String: String]
    /// Where its HTTP server listens.
    var address: String
  }

  var coordinator: Program
  var workers: [Program]
  var capacities: [CapacityType]

  var programs: [Program] { [coordinator] + workers }
}

/// What the user wants of a local fleet.
struct FleetOptions: Sendable, Equatable {
  var workers = 3
  /// Jobs that a worker runs at once; nil for the worker's own default.
  var slots: Int?
  /// Given to the workers in turn.
  var capacities: [CapacityType] = [.spot]
  var leaseSeconds: Double?
  var graceSeconds: Double?
  var restartsWorkers = false

  /// - Parameters:
  ///   - environment: What the fleet's programs inherit.
  ///   - ports: One for the coordinator, then one for each worker.
  func plan(
    environment: [String: String], ports: [Int], databaseURL: String, coordinator: String, worker: String
  ) -> FleetPlan {
    let address = "http://127.0.0.1:\(ports[0])"
    var common = ["HOST": "127.0.0.1", "EXIT_WITH_PARENT": "true"]
    common["LOG_FORMAT"] = environment["LOG_FORMAT"] ?? "text"
    var settings = common
    settings["PORT"] = String(ports[0])
    settings["DATABASE_URL"] = databaseURL
    settings["LEASE_TTL_SECONDS"] = leaseSeconds.map(Self.number)
    let capacities = (0..<workers).map { self.capacities[$0 % self.capacities.count] }
    let programs = capacities.enumerated().map { index, capacity in
      var settings = common
      let name = "worker-\(index + 1)"
      settings["PORT"] = String(ports[index + 1])
      settings["COORDINATOR_URL"] = address
      settings["WORKER_NAME"] = name
      settings["WORKER_CAPACITY_TYPE"] = capacity.rawValue
      settings["WORKER_SLOTS"] = slots.map(String.init)
      settings["GRACE_PERIOD_SECONDS"] = graceSeconds.map(Self.number)
      // A laptop's user may run programs anyhow, and a laptop has no instance metadata to ask.
      settings["EXEC_ALLOW"] = environment["EXEC_ALLOW"] ?? "*"
      settings["SPOT_WATCHER_ENABLED"] = environment["SPOT_WATCHER_ENABLED"] ?? "false"
      return FleetPlan.Program(
        name: name, executable: worker, environment: settings, address: "http://127.0.0.1:\(ports[index + 1])")
    }
    return FleetPlan(
      coordinator: FleetPlan.Program(
        name: "coordinator", executable: coordinator, environment: settings, address: address),
      workers: programs, capacities: capacities)
  }

  private static func number(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }
}
