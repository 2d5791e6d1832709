import BatonPostgres
import BatonTestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Connections that die without a word. A server's process that stands still is just that for its client: the bytes
/// arrive, and nothing comes back.
@Suite struct SilentConnectionTests {
  /// Looks after a tenth of a second; without that, a call takes half a minute.
  private static func configuration() async throws -> PostgresConfiguration {
    var configuration = try await TestDatabase.make().configuration
    configuration.silenceLimit = .milliseconds(100)
    return configuration
  }

  /// Stops the process of a connection for as long as `body` runs.
  private func freezing(
    _ pids: [Int], isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void
  ) async throws {
    for pid in pids { try #require(kill(Int32(pid), SIGSTOP) == 0) }
    defer { for pid in pids { kill(Int32(pid), SIGCONT) } }
    try await body()
  }

  @Test func aConnectionThatHasDiedIsGivenUpLongBeforeItsTimeIsUp() async throws {
    let connection = try await PostgresConnection.connect(try await Self.configuration(), logger: .quiet)
    let pid = try await connection.query("SELECT pg_backend_pid()")[0].int(0)
    try await freezing([pid]) {
      let start = ContinuousClock.now
      let error = await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1") }
      #expect(error?.isConnectionFailure == true, "\(String(describing: error))")
      #expect(ContinuousClock.now - start < .seconds(20))
      #expect(connection.isBroken)
    }
  }

  @Test func aStatementMayTakeItsTime() async throws {
    let connection = try await PostgresConnection.connect(try await Self.configuration(), logger: .quiet)
    // Many looks long.
    #expect(try await connection.query("SELECT pg_sleep(2)").count == 1)
    await connection.close()
  }

  @Test func aStatementMayWaitForALock() async throws {
    let database = try await TestDatabase.make()
    var configuration = database.configuration
    // Long enough for the server to have begun, on a machine where everything else runs, too.
    configuration.silenceLimit = .milliseconds(400)
    let holder = try await database.connect()
    try await holder.query("CREATE TABLE t (n int)")
    try await holder.query("BEGIN")
    try await holder.query("LOCK TABLE t")
    let connection = try await PostgresConnection.connect(configuration, logger: .quiet)
    async let waiting = connection.query("SELECT n FROM t")
    try await eventually("somebody waits for the lock") {
      // In this test's own database: others run beside it on the same server.
      try await holder.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
      ).count == 1
    }
    try await holder.query("SELECT pg_sleep(2)")
    try await holder.query("COMMIT")
    #expect(try await waiting.isEmpty)
  }

  @Test func aTransactionOnADeadConnectionIsGivenUp() async throws {
    let pool = PostgresPool(configuration: try await Self.configuration(), size: 1, logger: .quiet)
    let start = ContinuousClock.now
    await #expect(throws: PostgresError.self) {
      try await pool.transaction { transaction in
        let pid = try await transaction.query("SELECT pg_backend_pid()")[0].int(0)
        try await freezing([pid]) { try await transaction.query("SELECT 1") }
      }
    }
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(try await pool.query("SELECT 1").count == 1)
    await pool.close()
  }

  @Test func theOthersOfThePoolAreNotTriedAfterOneHasDied() async throws {
    let pool = PostgresPool(configuration: try await Self.configuration(), size: 4, logger: .quiet)
    let pids = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask { try await pool.query("SELECT pg_backend_pid() FROM pg_sleep(0.3)")[0].int(0) }
      }
      return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(pids.count == 4)
    try await freezing(Array(pids)) {
      await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
      // The second call gets a new connection at once, and so do those that come together.
      let fresh = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 { group.addTask { try await pool.query("SELECT pg_backend_pid()")[0].int(0) } }
        return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
      }
      #expect(fresh.isDisjoint(with: pids))
    }
    await pool.close()
  }

  @Test func aListenerConnectsAnewWhenItsConnectionHasDied() async throws {
    let configuration = try await Self.configuration()
    let (events, continuation) = AsyncStream.makeStream(of: PostgresListener.Event.self)
    let listener = PostgresListener(
      configuration: configuration, channels: ["silence"], silence: .milliseconds(50), logger: .quiet
    ) { continuation.yield($0) }
    let running = Task { await listener.run() }
    var next = events.makeAsyncIterator()
    #expect(await next.next() == .connected)
    let observer = try await PostgresConnection.connect(configuration, logger: .quiet)
    let pids = try await observer.query(
      """
      SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      """
    ).map { try $0.int(0) }
    #expect(pids.count == 1)
    try await freezing(pids) {
      #expect(await next.next() == .disconnected)
      #expect(await next.next() == .connected)
      try await observer.query("SELECT pg_notify('silence', 'back')")
      #expect(await next.next() == .notification(channel: "silence", payload: "back"))
    }
    running.cancel()
    await running.value
  }
}
