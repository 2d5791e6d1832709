import BatonTestSupport
import Testing

@testable import BatonPostgres

@Suite struct ConnectionTests {
  @Test func statementsReturnRowsAndCounts() async throws {
    let connection = try await TestDatabase.make().connect()
    try await connection.query("CREATE TABLE t (id int PRIMARY KEY, name text)")
    let inserted = try await connection.query("INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 5) n")
    #expect(inserted.affected == 5)
    #expect(inserted.isEmpty)
    let rows = try await connection.query("SELECT * FROM t WHERE id > $1 ORDER BY id", .int4(3))
    #expect(rows.columns == ["id", "name"])
    #expect(try rows.map { try $0.text("name") } == ["row 4", "row 5"])
  }

  @Test func violatedConstraintIsNamedAndItsValuesAreNotInTheDescription() async throws {
    let connection = try await TestDatabase.make().connect()
    try await connection.query("CREATE TABLE t (secret text CONSTRAINT only_once UNIQUE)")
    try await connection.query("INSERT INTO t VALUES ($1)", .text("hunter2"))
    let error = await #expect(throws: PostgresError.self) {
      try await connection.query("INSERT INTO t VALUES ($1)", .text("hunter2"))
    }
    #expect(error?.sqlState == "23505")
    #expect(error?.constraint == "only_once")
    guard case .server(let server) = error else {
      Issue.record("not a server error: \(String(describing: error))")
      return
    }
    #expect(server.table == "t")
    #expect(server.detail?.contains("hunter2") == true)
    #expect(error?.description.contains("hunter2") == false)
    #expect(error?.isTransient == false)
    #expect(try await connection.query("SELECT 1")[0].int(0) == 1)
  }

  @Test func badValuesAreNotQuotedInTheDescription() async throws {
    let connection = try await TestDatabase.make().connect()
    let error = await #expect(throws: PostgresError.self) {
      try await connection.query("SELECT $1::text::int", .text("hunter2"))
    }
    #expect(error?.sqlState == "22P02")
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test func syntaxErrorLeavesTheConnectionUsable() async throws {
    let connection = try await TestDatabase.make().connect()
    for _ in 0..<3 {
      let error = await #expect(throws: PostgresError.self) { try await connection.query("SELEKT 1") }
      #expect(error?.sqlState == "42601")
    }
    #expect(try await connection.query("SELECT 1")[0].int(0) == 1)
  }

  @Test func statementIsPreparedOnceHoweverOftenItRuns() async throws {
    let connection = try await TestDatabase.make().connect()
    for number in Int32(0)..<10 { try await connection.query("SELECT $1::int + 1 AS once", .int4(number)) }
    let count = try await connection.query(
      "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int + 1 AS once'")
    #expect(try count[0].int(0) == 1)
  }

  @Test func statementSurvivesAChangeOfItsTable() async throws {
    let connection = try await TestDatabase.make().connect()
    try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    #expect(try await connection.query("SELECT * FROM t").columns == ["a"])
    try await connection.query("ALTER TABLE t ADD COLUMN b text")
    #expect(try await connection.query("SELECT * FROM t").columns == ["a", "b"])
    try await connection.execute(script: "DEALLOCATE ALL")
    #expect(try await connection.query("SELECT * FROM t").count == 1)
  }

  @Test func endlessVarietyOfStatementsDoesNotFillTheServer() async throws {
    let connection = try await TestDatabase.make().connect()
    for number in 0..<600 {
      #expect(try await connection.query("SELECT \(number)")[0].int(0) == number)
    }
    let count = try await connection.query("SELECT count(*) FROM pg_prepared_statements")
    #expect(try count[0].int(0) <= 256)
  }

  @Test func callEndsAtItsDeadlineAndTheConnectionStaysUsable() async throws {
    var configuration = try await TestDatabase.make().configuration
    configuration.queryTimeout = .milliseconds(200)
    let connection = try await PostgresConnection.connect(configuration, logger: .quiet)
    let start = ContinuousClock.now
    await #expect(throws: PostgresError.timeout) { try await connection.query("SELECT pg_sleep(60)") }
    #expect(ContinuousClock.now - start < .seconds(30))
    try await expectUsable(
      connection, unless: ContinuousClock.now - start > .milliseconds(200) + PostgresConnection.cancelGrace)
  }

  @Test func serverStopsAStatementByItself() async throws {
    var configuration = try await TestDatabase.make().configuration
    configuration.statementTimeout = .milliseconds(200)
    let connection = try await PostgresConnection.connect(configuration, logger: .quiet)
    await #expect(throws: PostgresError.timeout) { try await connection.query("SELECT pg_sleep(60)") }
    #expect(try await connection.query("SELECT 1")[0].int(0) == 1)
  }

  @Test func cancelledTaskEndsItsStatement() async throws {
    let database = try await TestDatabase.make()
    let connection = try await database.connect()
    let observer = try await database.connect()
    let task = Task { try await connection.query("SELECT pg_sleep(60) AS victim") }
    try await eventually {
      try await observer.query(
        "SELECT FROM pg_stat_activity WHERE query LIKE '%AS victim' AND state = 'active' AND pid <> pg_backend_pid()"
      ).count == 1
    }
    let start = ContinuousClock.now
    task.cancel()
    await #expect(throws: PostgresError.cancelled) { try await task.value }
    #expect(ContinuousClock.now - start < .seconds(30))
    try await expectUsable(connection, unless: ContinuousClock.now - start > PostgresConnection.cancelGrace)
  }

  /// - Parameter tooLate: Whether the machine stood still for so long that the server was not asked in time to stop the
  ///   statement: the connection is closed then.
  private func expectUsable(_ connection: PostgresConnection, unless tooLate: Bool) async throws {
    if tooLate, connection.isBroken { return }
    #expect(try await connection.query("SELECT 1")[0].int(0) == 1)
    #expect(!connection.isBroken)
  }

  @Test func cancelledTaskDoesNotEndTheStatementOfAnother() async throws {
    let database = try await TestDatabase.make()
    let connection = try await database.connect()
    let observer = try await database.connect()
    let first = Task { try await connection.query("SELECT pg_sleep(0.5), 7 AS first")[0].int(1) }
    try await eventually {
      try await observer.query(
        "SELECT FROM pg_stat_activity WHERE query LIKE '%AS first' AND state = 'active' AND pid <> pg_backend_pid()"
      ).count == 1
    }
    let second = Task { try await connection.query("SELECT 2") }
    second.cancel()
    await #expect(throws: PostgresError.cancelled) { try await second.value }
    #expect(try await first.value == 7)
  }

  @Test func transactionCommitsAndRollsBack() async throws {
    struct Stop: Error {}
    let database = try await TestDatabase.make()
    let connection = try await database.connect()
    try await connection.query("CREATE TABLE t (n int)")
    try await connection.transaction { try await $0.query("INSERT INTO t VALUES (1)") }
    await #expect(throws: Stop.self) {
      try await connection.transaction { transaction in
        try await transaction.query("INSERT INTO t VALUES (2)")
        throw Stop()
      }
    }
    #expect(try await database.connect().query("SELECT n FROM t").map { try $0.int(0) } == [1])
  }

  @Test func transactionWithASwallowedErrorDoesNotPretendToCommit() async throws {
    let connection = try await TestDatabase.make().connect()
    try await connection.query("CREATE TABLE t (n int)")
    let error = await #expect(throws: PostgresError.self) {
      try await connection.transaction { transaction in
        try await transaction.query("INSERT INTO t VALUES (1)")
        _ = try? await transaction.query("SELECT 1 / 0")
      }
    }
    #expect(error?.sqlState == "25P02")
    #expect(try await connection.query("SELECT FROM t").isEmpty)
  }

  @Test func cancelledTransactionIsRolledBack() async throws {
    let connection = try await TestDatabase.make().connect()
    try await connection.query("CREATE TABLE t (n int)")
    let task = Task {
      try await connection.transaction { transaction in
        try await transaction.query("INSERT INTO t VALUES (1)")
        withUnsafeCurrentTask { $0?.cancel() }
      }
    }
    await #expect(throws: PostgresError.cancelled) { try await task.value }
    #expect(try await connection.query("SELECT FROM t").isEmpty)
  }

  @Test func isolationLevelIsApplied() async throws {
    let connection = try await TestDatabase.make().connect()
    let level = try await connection.transaction(isolation: .serializable) { transaction in
      try await transaction.query("SELECT current_setting('transaction_isolation')")[0].text(0)
    }
    #expect(level == "serializable")
  }

  @Test func terminatedConnectionSaysSo() async throws {
    let database = try await TestDatabase.make()
    let connection = try await database.connect()
    let pid = try await connection.query("SELECT pg_backend_pid()")[0].int(0)
    try await database.connect().query("SELECT pg_terminate_backend($1, 10000)", .int4(Int32(pid)))
    let error = await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1") }
    #expect(error?.isConnectionFailure == true)
    #expect(error?.isTransient == true)
    #expect(connection.isBroken)
  }

  @Test func closedConnectionRefuses() async throws {
    let connection = try await TestDatabase.make().connect()
    await connection.close()
    await #expect(throws: PostgresError.closed) { try await connection.query("SELECT 1") }
  }

  @Test func copyIsRefusedInsteadOfHanging() async throws {
    let connection = try await TestDatabase.make().connect()
    let error = await #expect(throws: PostgresError.self) { try await connection.query("COPY (SELECT 1) TO STDOUT") }
    #expect(error?.isConnectionFailure == true)
    #expect(connection.isBroken)
  }

  @Test func eightBlockedConnectionsStarveNobody() async throws {
    let database = try await TestDatabase.make()
    let connections = try await withThrowingTaskGroup(of: PostgresConnection.self) { group in
      for _ in 0..<8 { group.addTask { try await database.connect() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let holder = try await database.connect()
    try await holder.query("SELECT pg_advisory_lock(1)")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for connection in connections {
        group.addTask {
          // If they had this process's threads, nobody would be left to give the lock back; then their calls fail.
          try await connection.query("SET lock_timeout = '15s'")
          try await connection.query("SELECT pg_advisory_lock_shared(1)")
        }
      }
      let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted"
      let here = " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      try await eventually("eight that wait") { try await holder.query(waiting + here)[0].int(0) == 8 }
      let others = await withTaskGroup(of: Int.self) { group in
        for _ in 0..<100 {
          group.addTask {
            await Task.yield()
            return 1
          }
        }
        return await group.reduce(0, +)
      }
      #expect(others == 100)
      #expect(try await holder.query(waiting + here)[0].int(0) == 8, "they wait still")
      try await holder.query("SELECT pg_advisory_unlock(1)")
      try await group.waitForAll()
    }
  }

  @Test func tcpWithAPasswordWorks() async throws {
    let database = try await TestDatabase.make()
    let connection = try await PostgresConnection.connect(
      PostgresConfiguration(url: database.tcpURL), logger: .quiet)
    #expect(try await connection.query("SELECT current_database()")[0].text(0) == database.name)
  }
}
