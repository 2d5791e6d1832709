import BatonLocalPostgres
import BatonPostgres
import BatonTestSupport
import Synchronization
import Testing

/// Each test breaks a server of its own.
@Suite struct RestartTests {
  private final class Tally: Sendable {
    let succeeded = Atomic(0)
    let failed = Atomic(0)
    let surprises = Mutex<[String]>([])
    let isStopped = Atomic(false)

    var successes: Int { succeeded.load(ordering: .relaxed) }
  }

  @Test(arguments: [LocalPostgres.StopMode.fast, .immediate])
  func poolSurvivesRestartsUnderLoad(_ mode: LocalPostgres.StopMode) async throws {
    let server = try TestServer.makeServer()
    try await server.start()
    let pool = PostgresPool(configuration: PostgresConfiguration(url: await server.url()), size: 4, logger: .quiet)
    let tally = Tally()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<16 {
        group.addTask {
          while !tally.isStopped.load(ordering: .relaxed) {
            try await eventually("a call that succeeds") {
              do throws(PostgresError) {
                try await pool.query("SELECT pg_sleep(0.001)")
                tally.succeeded.wrappingAdd(1, ordering: .relaxed)
                return true
              } catch {
                tally.failed.wrappingAdd(1, ordering: .relaxed)
                // Anything else would tell a caller that its statement was at fault.
                if !error.isTransient { tally.surprises.withLock { $0.append(error.description) } }
                return tally.isStopped.load(ordering: .relaxed)
              }
            }
          }
        }
      }
      for _ in 0..<2 {
        let before = tally.successes
        try await eventually("work before the restart") { tally.successes > before + 50 }
        try await server.restart(mode: mode)
        let after = tally.successes
        let start = ContinuousClock.now
        try await eventually("work after the restart") { tally.successes > after + 50 }
        #expect(ContinuousClock.now - start < .seconds(30))
      }
      tally.isStopped.store(true, ordering: .relaxed)
      try await group.waitForAll()
    }
    #expect(tally.surprises.withLock { $0 } == [])
    await pool.close()
    await server.shutdown()
  }

  @Test func restartBetweenTwoCallsGoesUnnoticed() async throws {
    let server = try TestServer.makeServer()
    try await server.start()
    let pool = PostgresPool(configuration: PostgresConfiguration(url: await server.url()), size: 4, logger: .quiet)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { try await pool.query("SELECT pg_sleep(0.1)") } }
      try await group.waitForAll()
    }
    for mode in [LocalPostgres.StopMode.fast, .immediate] {
      try await server.restart(mode: mode)
      #expect(try await pool.query("SELECT 1").count == 1)
    }
    await pool.close()
    await server.shutdown()
  }

  @Test func callsFailFastWhileTheServerIsDownAndRecoverByThemselves() async throws {
    let server = try TestServer.makeServer()
    try await server.start()
    let pool = PostgresPool(configuration: PostgresConfiguration(url: await server.url()), size: 2, logger: .quiet)
    try await pool.ping()
    try await server.stop(mode: .immediate)
    let start = ContinuousClock.now
    for _ in 0..<20 {
      let error = await #expect(throws: PostgresError.self) { try await pool.ping() }
      #expect(error?.isTransient == true)
    }
    #expect(ContinuousClock.now - start < .seconds(30))
    #expect(!pool.isReachable)
    try await server.start()
    // Nobody calls: the pool finds out by itself.
    try await eventually { pool.isReachable }
    try await pool.ping()
    await pool.close()
    await server.shutdown()
  }

  @Test func frozenServerHoldsNobodyForLong() async throws {
    let server = try TestServer.makeServer()
    try await server.start()
    let configuration = PostgresConfiguration(
      url: await server.url(), connectTimeout: .seconds(2), queryTimeout: .milliseconds(200))
    let pool = PostgresPool(configuration: configuration, size: 2, logger: .quiet)
    try await eventually { (try? await pool.ping()) != nil }
    let backend = Int32(try await pool.query("SELECT pg_backend_pid()")[0].int(0))
    let frozen = [try #require(await server.pid), backend]
    for pid in frozen { #expect(kill(pid, SIGSTOP) == 0) }
    let start = ContinuousClock.now
    await #expect(throws: PostgresError.timeout) { try await pool.ping() }
    let error = await #expect(throws: PostgresError.self) { try await pool.ping() }
    #expect(error?.isConnectionFailure == true)
    // Time limit, grace for the cancel request, and one attempt to connect.
    #expect(ContinuousClock.now - start < .seconds(30))
    for pid in frozen { #expect(kill(pid, SIGCONT) == 0) }
    try await eventually { (try? await pool.ping()) != nil }
    await pool.close()
    await server.shutdown()
  }

  @Test func listenerReconnectsAndSaysSo() async throws {
    let server = try TestServer.makeServer()
    try await server.start()
    let configuration = PostgresConfiguration(url: await server.url())
    let (events, continuation) = AsyncStream.makeStream(of: PostgresListener.Event.self)
    let listener = PostgresListener(configuration: configuration, channels: ["jobs"], logger: .quiet) {
      continuation.yield($0)
    }
    let running = Task { await listener.run() }
    var next = events.makeAsyncIterator()
    #expect(await next.next() == .connected)
    try await server.restart(mode: .immediate)
    #expect(await next.next() == .disconnected)
    #expect(await next.next() == .connected)
    let connection = try await PostgresConnection.connect(configuration, logger: .quiet)
    try await connection.query("SELECT pg_notify('jobs', 'back')")
    #expect(await next.next() == .notification(channel: "jobs", payload: "back"))
    running.cancel()
    await running.value
    await connection.close()
    await server.shutdown()
  }
}
