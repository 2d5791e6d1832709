import BatonLocalPostgres
import BatonShared
import Logging
import NIOCore
import NIOPosix

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a private fleet is made of.
public struct BenchPrograms: Sendable {
  /// Paths of the programs.
  public var coordinator: String
  public var worker: String
  /// What single requests are held against; nil where it is not there.
  public var yardstick: String?

  public init(coordinator: String, worker: String, yardstick: String?) {
    self.coordinator = coordinator
    self.worker = worker
    self.yardstick = yardstick
  }
}

/// A fleet of the benchmark's own: a PostgreSQL server that is as durable as it can be, and the real programs.
struct BenchFleet: Sendable {
  /// Everything an answered request promised is on the disk. The sizes are what anybody would set on a machine that
  /// PostgreSQL has half to itself, so that checkpoints do not fall into one round and not into another.
  static let durableSettings = [
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "512MB",
    "max_wal_size": "8GB", "max_connections": "200",
  ]

  let database: BenchDatabase
  let postgres: LocalPostgres
  private let programs: BenchPrograms
  private let starts: AsyncStream<BenchProgram>.Continuation

  /// Starts PostgreSQL; it and all programs that `body` starts have ended when this returns.
  /// - Throws: `LocalPostgresError`, and what `body` throws.
  static func with<Result: Sendable>(
    _ programs: BenchPrograms, _ body: @Sendable (BenchFleet) async throws -> Result
  ) async throws -> Result {
    let binaries = try PostgresBinaries.locate()
    var logger = Logger(label: "bench")
    logger.logLevel = .error
    let postgres = try LocalPostgres(
      dataDirectory: LocalPostgres.temporaryDirectory(), settings: durableSettings, ephemeral: true,
      binaries: binaries, logger: logger)
    let outcome: Swift.Result<Result, any Error>
    do {
      try await postgres.start()
      try await postgres.createDatabase("bench")
      let database = BenchDatabase(url: await postgres.url(database: "bench"), binaries: binaries)
      outcome = .success(try await run(programs, postgres, database, body))
    } catch {
      outcome = .failure(error)
    }
    await postgres.shutdown()
    return try outcome.get()
  }

  private static func run<Result: Sendable>(
    _ programs: BenchPrograms, _ postgres: LocalPostgres, _ database: BenchDatabase,
    _ body: @Sendable (BenchFleet) async throws -> Result
  ) async throws -> Result {
    let (stream, starts) = AsyncStream.makeStream(of: BenchProgram.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await withDiscardingTaskGroup { children in
          for await program in stream { children.addTask { await program.run() } }
          // The stream ends when the measurement does: what still runs is ended with it.
          children.cancelAll()
        }
      }
      defer { starts.finish() }
      return try await body(
        BenchFleet(database: database, postgres: postgres, programs: programs, starts: starts))
    }
  }

  // MARK: Programs

  /// Starts a coordinator and waits until it is ready.
  /// - Parameter leaseSeconds: How long its leases last.
  func startCoordinator(leaseSeconds: Double, environment: [String: String] = [:]) async throws -> BenchProgram {
    let port = try freePort()
    let settings = [
      "HOST": "127.0.0.1", "PORT": "\(port)", "DATABASE_URL": database.url, "LEASE_TTL_SECONDS": "\(leaseSeconds)",
      "SHUTDOWN_DELAY_SECONDS": "0", "EXIT_WITH_PARENT": "true", "LOG_LEVEL": "warning",
    ]
    return try await start(
      BenchProgram(
        name: "coordinator", executable: programs.coordinator, environment: settings.merging(environment) { $1 },
        port: port))
  }

  /// Starts a worker and waits until the coordinator knows it.
  func startWorker(
    _ name: String, of coordinator: BenchProgram, queue: String, slots: Int, environment: [String: String] = [:]
  ) async throws -> BenchProgram {
    let port = try freePort()
    let settings = [
      "HOST": "127.0.0.1", "PORT": "\(port)", "COORDINATOR_URL": "http://127.0.0.1:\(coordinator.port)",
      "WORKER_NAME": name, "WORKER_SLOTS": "\(slots)", "WORKER_QUEUES": queue, "WORKER_CAPACITY_TYPE": "spot",
      "SPOT_WATCHER_ENABLED": "false", "EXEC_ALLOW": "sh", "GRACE_PERIOD_SECONDS": "20", "EXIT_WITH_PARENT": "true",
      "LOG_LEVEL": "warning",
    ]
    return try await start(
      BenchProgram(
        name: name, executable: programs.worker, environment: settings.merging(environment) { $1 }, port: port))
  }

  /// Starts the plain job queue twice: one that forgets jobs, and one that keeps them in `pgbench`'s table.
  /// - Returns: Nil where there is no such program.
  func startYardsticks() async throws -> (forgetful: BenchProgram, keeping: BenchProgram)? {
    guard let executable = programs.yardstick else { return nil }
    func start(_ arguments: [String]) async throws -> BenchProgram {
      let port = try freePort()
      return try await self.start(
        BenchProgram(
          name: "yardstick", executable: executable, arguments: ["--port", "\(port)"] + arguments, environment: [:],
          port: port))
    }
    return (try await start([]), try await start(["--database-url", database.url]))
  }

  /// Ends a program in good order and waits for its end.
  func stop(_ program: BenchProgram) async throws {
    program.signal(SIGTERM)
    try await program.waitForEnd()
  }

  private func freePort() throws -> Int {
    guard let port = LoopbackPorts.free(1)?.first else { throw BenchError("no free port on 127.0.0.1") }
    return port
  }

  private func start(_ program: BenchProgram) async throws -> BenchProgram {
    starts.yield(program)
    try await waitUntil("\(program.name) being ready") {
      if let ending = program.ending { throw BenchError("\(program.name) \(ending)\n\(program.lastWords)") }
      return (try? await ask(program, "GET", "/ready").status) == 200
    }
    return program
  }

  /// Makes one request on a connection of its own.
  @discardableResult
  func ask(_ program: BenchProgram, _ method: String, _ path: String, body: [UInt8]? = nil) async throws -> WireReply {
    let target = try WireTarget(address: "http://127.0.0.1:\(program.port)")
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let connection = try await WireConnection.connect(to: target, on: loop)
    let reply: Swift.Result<WireReply, any Error>
    do {
      reply = .success(try await connection.call(target.request(method, path, body: body)))
    } catch {
      reply = .failure(error)
    }
    await connection.close()
    return try reply.get()
  }
}
