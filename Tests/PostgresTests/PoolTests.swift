import BatonPostgres
import BatonTestSupport
import ServiceLifecycle
import Testing

@Suite struct PoolTests {
  @Test func manyCallersShareFewConnections() async throws {
    let pool = try await TestDatabase.make().pool(size: 3)
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<500 {
        group.addTask { try await pool.query("SELECT $1::bigint", .int8(Int64(number)))[0].int(0) }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 500 * 499 / 2)
    #expect(pool.openConnections <= 3)
    await pool.close()
  }

  @Test func oneCallerKeepsUsingTheSameConnection() async throws {
    let pool = try await TestDatabase.make().pool(size: 5)
    var pids: Set<Int> = []
    for _ in 0..<20 { pids.insert(try await pool.query("SELECT pg_backend_pid()")[0].int(0)) }
    #expect(pids.count == 1)
    await pool.close()
  }

  @Test func callerWaitsOnlySoLongForAConnection() async throws {
    let pool = PostgresPool(
      configuration: try await TestDatabase.make().configuration, size: 1, acquireTimeout: .milliseconds(100),
      logger: .quiet)
    // Connecting may take longer than a caller waits here.
    try await eventually { (try? await pool.ping()) != nil }
    try await pool.withConnection { connection in
      await #expect(throws: PostgresError.poolExhausted) { try await pool.query("SELECT 1") }
      try await connection.query("SELECT 1")
    }
    #expect(try await pool.query("SELECT 1").count == 1)
    await pool.close()
  }

  @Test func cancelledCallerLeavesTheLine() async throws {
    let pool = try await TestDatabase.make().pool(size: 1)
    try await pool.withConnection { connection in
      let waiting = Task { try await pool.query("SELECT 1") }
      waiting.cancel()
      await #expect(throws: PostgresError.cancelled) { try await waiting.value }
      try await connection.query("SELECT 1")
    }
    #expect(try await pool.query("SELECT 1").count == 1)
    await pool.close()
  }

  @Test func callThatRunsOutOfTimeLeavesThePoolUsable() async throws {
    var configuration = try await TestDatabase.make().configuration
    configuration.queryTimeout = .milliseconds(100)
    let pool = PostgresPool(configuration: configuration, size: 1, logger: .quiet)
    for _ in 0..<3 {
      await #expect(throws: PostgresError.timeout) { try await pool.query("SELECT pg_sleep(20)") }
      #expect(try await pool.query("SELECT 1").count == 1)
    }
    await pool.close()
  }

  @Test func transactionsCommitRollBackAndGiveTheConnectionBack() async throws {
    struct Stop: Error {}
    let pool = try await TestDatabase.make().pool(size: 1)
    try await pool.query("CREATE TABLE t (n int)")
    try await pool.transaction { try await $0.query("INSERT INTO t VALUES (1)") }
    await #expect(throws: Stop.self) {
      try await pool.transaction(isolation: .repeatableRead) { transaction in
        try await transaction.query("INSERT INTO t VALUES (2)")
        throw Stop()
      }
    }
    #expect(try await pool.query("SELECT n FROM t").map { try $0.int(0) } == [1])
    await pool.close()
  }

  @Test func connectionLeftInATransactionIsNotLentAgain() async throws {
    let pool = try await TestDatabase.make().pool(size: 1)
    try await pool.query("CREATE TABLE t (n int)")
    try await pool.withConnection { connection in
      try await connection.query("BEGIN")
      try await connection.query("INSERT INTO t VALUES (1)")
    }
    #expect(try await pool.query("SELECT FROM t").isEmpty)
    await pool.close()
  }

  @Test func terminatedBackendsGoUnnoticed() async throws {
    let database = try await TestDatabase.make()
    let pool = database.pool(size: 4)
    let killer = try await database.connect()
    for _ in 0..<3 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 { group.addTask { try await pool.query("SELECT pg_sleep(0.05)") } }
        try await group.waitForAll()
      }
      // Waits until they are gone.
      try await killer.query(
        """
        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        """)
      #expect(try await pool.query("SELECT 1").count == 1)
      #expect(try await pool.transaction { try await $0.query("SELECT 1").count } == 1)
    }
    await pool.close()
  }

  @Test func readOnlyServerIsLeftForTheNextOne() async throws {
    let database = try await TestDatabase.make()
    let pool = database.pool(size: 1)
    try await pool.query("CREATE TABLE t (n int)")
    let before = try await pool.query("SELECT pg_backend_pid()")[0].int(0)
    let error = await #expect(throws: PostgresError.self) {
      try await pool.withConnection { connection in
        try await connection.query("SET default_transaction_read_only = on")
        try await connection.query("INSERT INTO t VALUES (1)")
      }
    }
    #expect(error?.sqlState == "25006")
    #expect(error?.isTransient == true)
    try await pool.query("INSERT INTO t VALUES (2)")
    #expect(try await pool.query("SELECT pg_backend_pid()")[0].int(0) != before)
    await pool.close()
  }

  @Test func unreachableServerFailsFast() async throws {
    let pool = PostgresPool(
      configuration: PostgresConfiguration(url: "host=/tmp/nobody-listens-here"), size: 4, logger: .quiet)
    let start = ContinuousClock.now
    for _ in 0..<50 {
      let error = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
      #expect(error?.isConnectionFailure == true)
    }
    #expect(ContinuousClock.now - start < .seconds(30))
    #expect(!pool.isReachable)
    await pool.close()
  }

  @Test func hostThatNeverAnswersIsGivenUp() async throws {
    let listener = try SilentListener()
    let pool = PostgresPool(
      configuration: PostgresConfiguration(
        url: "postgresql://nobody@127.0.0.1:\(listener.port)/x?sslmode=disable", connectTimeout: .seconds(2)),
      size: 2, logger: .quiet)
    let start = ContinuousClock.now
    let error = await #expect(throws: PostgresError.self) { try await pool.ping() }
    #expect(error?.isConnectionFailure == true)
    #expect(ContinuousClock.now - start < .seconds(30))
    let again = ContinuousClock.now
    await #expect(throws: PostgresError.self) { try await pool.ping() }
    #expect(ContinuousClock.now - again < .seconds(30))
    await pool.close()
  }

  @Test func closedPoolRefusesAfterTheLastCallIsDone() async throws {
    let pool = try await TestDatabase.make().pool(size: 1)
    let (started, hasStarted) = AsyncStream.makeStream(of: Void.self)
    async let slow = pool.withConnection { connection in
      hasStarted.finish()
      return try await connection.query("SELECT pg_sleep(0.2)").count
    }
    for await _ in started {}
    await pool.close()
    #expect(pool.openConnections == 0)
    #expect(try await slow == 1)
    await #expect(throws: PostgresError.closed) { try await pool.query("SELECT 1") }
  }

  @Test func gracefulShutdownClosesThePool() async throws {
    let pool = try await TestDatabase.make().pool(size: 2)
    let group = ServiceGroup(
      configuration: .init(services: [.init(service: pool)], logger: .quiet))
    async let running: Void = group.run()
    try await pool.ping()
    await group.triggerGracefulShutdown()
    try await running
    await #expect(throws: PostgresError.closed) { try await pool.ping() }
  }

  @Test func forgottenPoolLeavesNoThreads() async throws {
    let database = try await TestDatabase.make()
    for _ in 0..<5 {
      let pool = database.pool(size: 3)
      try await pool.ping()
    }
    let observer = try await database.connect()
    try await eventually {
      try await observer.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
      ).isEmpty
    }
  }
}
