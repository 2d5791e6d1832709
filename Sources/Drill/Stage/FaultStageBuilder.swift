import BatonClient
import BatonLocalPostgres
import Logging

/// Puts up the fleet of a fault drill, with a proxy of the drill's own between its parts.
struct FaultStageBuilder: Sendable {
  let options: StageOptions
  let fleet: DrillFleet
  let note: @Sendable (HistoryEvent) -> Void
  /// What times are counted from, in seconds since 1970.
  let origin: Double
  let logger: Logger
  let needsStandby: Bool

  /// Coordinators, and the ways to them.
  private struct Ways: Sendable {
    var database: [TCPProxy]
    var workers: [TCPProxy]
    /// For those who submit jobs: nothing happens to these.
    var clients: [TCPProxy]
    var all: [TCPProxy] { database + workers + clients }
  }

  /// The fleet is there as long as `body` runs.
  func with(_ body: @escaping @Sendable (FaultStage, [BatonClient]) async throws -> Void) async throws {
    let password = String(UInt64.random(in: .min ... .max), radix: 36)
    let user = FaultStage.databaseUser
    try await fleet.postgres.run(
      "create role \(user) login password '\(password)'; alter database baton owner to \(user)")
    let standby = needsStandby ? try await makeStandby() : nil
    var ways = Ways(database: [], workers: [], clients: [])
    for _ in 0..<2 {
      ways.database.append(try await TCPProxy())
      ways.workers.append(try await TCPProxy())
      ways.clients.append(try await TCPProxy())
    }
    let made = ways
    let outcome: Result<Void, any Error>
    do {
      try await with(made, password: password, standby: standby, body)
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    for way in made.all { await way.close() }
    await standby?.shutdown()
    try outcome.get()
  }

  private func with(
    _ ways: Ways, password: String, standby: LocalPostgres?,
    _ body: @escaping @Sendable (FaultStage, [BatonClient]) async throws -> Void
  ) async throws {
    let port = await fleet.postgres.port ?? 5432
    for way in ways.database { way.lead(to: port) }
    let standbyPort = await standby?.port
    let urls = ways.database.map { way in
      let hosts = standbyPort.map { "127.0.0.1:\(port),127.0.0.1:\($0)" } ?? "127.0.0.1:\(way.port)"
      return "postgresql://\(FaultStage.databaseUser):\(password)@\(hosts)/baton?target_session_attrs=read-write"
    }
    let coordinators = urls.enumerated().map { index, url in coordinator(index, url, ways) }
    let disk = SmallDisk.folder(fleet.folder)
    let hasSmallDisk = await makeSmallDisk(disk)
    let workers = (0..<options.workers).map { index in
      worker(index, ways, disk: hasSmallDisk && index == options.workers - 1 ? disk : nil)
    }
    let addresses = ways.clients.map { "http://127.0.0.1:\($0.port)" }
    let stage = FaultStage(
      fleet: fleet, note: note, coordinators: coordinators, workers: workers, addresses: addresses,
      coordinatorLinks: ways.workers, databaseLinks: ways.database, standby: standby, lease: options.lease,
      hasSmallDisk: hasSmallDisk, isShort: options.isShort)
    note(.fleet(coordinators: coordinators.map(\.name), workers: workers.map(\.name)))
    note(.lease(seconds: options.lease))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for kept in coordinators { group.addTask { try await kept.run() } }
      for client in ways.clients { try await waitUntilReady(client) }
      for kept in workers { group.addTask { try await kept.run() } }
      let clients = addresses.map {
        BatonClient.Configuration(address: $0, timeout: .seconds(3), connections: 32)
      }
      try await BatonClient.with(clients[0]) { first in
        try await BatonClient.with(clients[1]) { second in try await body(stage, [first, second]) }
      }
      await letGo(workers)
      await letGo(coordinators)
      try await group.waitForAll()
    }
  }

  private func letGo(_ parts: [KeptProcess]) async {
    await withDiscardingTaskGroup { group in
      for kept in parts { group.addTask { await kept.letGo() } }
    }
  }

  private func makeStandby() async throws -> LocalPostgres {
    let standby = try await fleet.postgres.makeStandby(
      dataDirectory: LocalPostgres.temporaryDirectory(), port: LoopbackPorts.anyStable(), logger: logger)
    try await standby.start()
    try await fleet.postgres.run("alter system set synchronous_standby_names = '*'")
    try await fleet.postgres.run("select pg_reload_conf()")
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      if try await Failover.isSynchronous(fleet.postgres) { return standby }
      try await Task.sleep(for: .milliseconds(100))
    }
    await standby.shutdown()
    throw DrillFailure("the standby does not follow")
  }

  private func makeSmallDisk(_ folder: String) async -> Bool {
    #if os(Linux)
      guard DrillFolder.make(folder) else { return false }
      return await SmallDisk.isAvailable(on: fleet, folder: folder)
    #else
      return false
    #endif
  }

  // MARK: Programs

  private func coordinator(_ index: Int, _ url: String, _ ways: Ways) -> KeptProcess {
    let environment = [
      "LEASE_TTL_SECONDS": "\(options.lease)", "DATABASE_CONNECTIONS": "\(options.databaseConnections)",
    ]
    return KeptProcess(name: "coordinator-\(index + 1)", note: note) { [fleet] name in
      try await fleet.startCoordinator(name, database: url, environment: environment) { port in
        ways.workers[index].lead(to: port)
        ways.clients[index].lead(to: port)
      }
    }
  }

  private func worker(_ index: Int, _ ways: Ways, disk: String?) -> KeptProcess {
    // Half of them begin with the other coordinator.
    let order = index.isMultiple(of: 2) ? ways.workers : ways.workers.reversed()
    let urls = order.map { "http://127.0.0.1:\($0.port)" }.joined(separator: ",")
    var environment = [
      "COORDINATOR_URL": urls, "PORT": "0", "WORKER_SLOTS": "\(options.slots)", "WORKER_CAPACITY_TYPE": "spot",
      "SPOT_WATCHER_ENABLED": "false", "GRACE_PERIOD_SECONDS": "15", "EXEC_ALLOW": "*",
      // So that they say what they were told of leases and checkpoints.
      "LOG_LEVEL": "debug",
    ]
    var command = [fleet.programs.worker]
    if let disk {
      environment["TMPDIR"] = disk
      command = ["/usr/bin/env"] + SmallDisk.command(around: fleet.programs.worker, folder: disk, size: DiskFull.size)
    }
    return KeptProcess(name: "worker-\(index + 1)", note: note) { [fleet, note, origin, environment, command] name in
      note(.workerStarted(name))
      let variables = environment.merging(["WORKER_NAME": name]) { $1 }
      return try await fleet.start(
        name, command[0], arguments: Array(command.dropFirst()), environment: variables
      ) { text in
        guard let line = LogLine(text) else { return }
        if let event = WorkerWords.event(line, worker: name, origin: origin) { note(event) }
      }
    }
  }

  private func waitUntilReady(_ way: TCPProxy) async throws {
    let limit = ContinuousClock.now + .seconds(60)
    let configuration = BatonClient.Configuration(
      address: "http://127.0.0.1:\(way.port)", timeout: .seconds(2), connections: 1)
    try await BatonClient.with(configuration) { client in
      while true {
        do {
          try await client.send(.ready())
          return
        } catch {
          guard ContinuousClock.now < limit else { throw DrillFailure("a coordinator did not get ready in time") }
          try await Task.sleep(for: .milliseconds(100))
        }
      }
    }
  }
}
