import BatonPostgres
import BatonTestSupport
import Testing

@Suite struct MigratorTests {
  private let first = PostgresMigration(
    version: 1, name: "first", sql: "CREATE TABLE a (n int); INSERT INTO a VALUES (1);")
  private let second = PostgresMigration(version: 2, name: "second", sql: "ALTER TABLE a ADD COLUMN b text")

  @Test func missingStepsAreAppliedOnceAndInOrder() async throws {
    let pool = try await TestDatabase.make().pool()
    #expect(try await PostgresMigrator(migrations: [first]).run(on: pool) == [1])
    let migrator = PostgresMigrator(migrations: [second, first])
    #expect(try await migrator.status(on: pool).map { $0.appliedAt == nil } == [false, true])
    #expect(try await migrator.run(on: pool) == [2])
    #expect(try await migrator.run(on: pool) == [])
    #expect(try await pool.query("SELECT n, b FROM a").count == 1)
    await pool.close()
  }

  @Test func statusOfAnUntouchedDatabaseIsAllMissing() async throws {
    let pool = try await TestDatabase.make().pool()
    let status = try await PostgresMigrator(migrations: [first, second]).status(on: pool)
    #expect(status.map(\.version) == [1, 2])
    #expect(status.allSatisfy { $0.appliedAt == nil })
    await pool.close()
  }

  @Test func programsThatStartTogetherApplyEachStepOnce() async throws {
    let database = try await TestDatabase.make()
    let slow = PostgresMigration(version: 3, name: "slow", sql: "SELECT pg_sleep(0.2); CREATE TABLE c (n int)")
    let migrator = PostgresMigrator(migrations: [first, second, slow])
    let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<4 {
        group.addTask { try await migrator.run(on: try await database.connect()) }
      }
      return try await group.reduce([], +)
    }
    #expect(applied.sorted() == [1, 2, 3])
  }

  @Test func changedStepIsRefused() async throws {
    let pool = try await TestDatabase.make().pool()
    _ = try await PostgresMigrator(migrations: [first]).run(on: pool)
    let changed = PostgresMigration(version: 1, name: "first", sql: first.sql + " ")
    await #expect(throws: PostgresMigrationError.changed(version: 1, name: "first")) {
      try await PostgresMigrator(migrations: [changed, second]).run(on: pool)
    }
    #expect(try await pool.query("SELECT FROM schema_migrations").count == 1)
    await pool.close()
  }

  @Test func newerDatabaseIsRefused() async throws {
    let pool = try await TestDatabase.make().pool()
    _ = try await PostgresMigrator(migrations: [first, second]).run(on: pool)
    await #expect(throws: PostgresMigrationError.databaseIsNewer(version: 2, newestKnown: 1)) {
      try await PostgresMigrator(migrations: [first]).run(on: pool)
    }
    await pool.close()
  }

  @Test func failedStepLeavesNothingBehind() async throws {
    let pool = try await TestDatabase.make().pool()
    let broken = PostgresMigration(version: 2, name: "broken", sql: "CREATE TABLE half (n int); SELECT 1 / 0;")
    let error = await #expect(throws: PostgresMigrationError.self) {
      try await PostgresMigrator(migrations: [first, broken]).run(on: pool)
    }
    guard case .failed(version: 2, name: "broken", let cause) = error else {
      Issue.record("not a failed step: \(String(describing: error))")
      return
    }
    #expect(cause.sqlState == "22012")
    #expect(try await pool.query("SELECT to_regclass('half') IS NULL")[0].bool(0))
    #expect(try await pool.query("SELECT version FROM schema_migrations").map { try $0.int(0) } == [1])
    await pool.close()
  }

  @Test func twoStepsOfOneVersionAreRefused() async throws {
    let pool = try await TestDatabase.make().pool()
    await #expect(throws: PostgresMigrationError.duplicateVersion(1)) {
      try await PostgresMigrator(migrations: [first, first]).run(on: pool)
    }
    await pool.close()
  }
}
