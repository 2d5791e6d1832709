import Crypto

/// Brings a database's schema up to date, one transaction a step.
///
/// Any number of programs may do this at the same time: an advisory lock lets one of them work while the others wait,
/// and then find nothing left to do.
public struct PostgresMigrator: Sendable {
  /// One step, and whether this database has it.
  public struct Status: Hashable, Sendable {
    public let version: Int
    public let name: String
    /// Microseconds since 1970-01-01 00:00 UTC; nil if it is still to be applied.
    public let appliedAt: Int64?
  }

  private struct Applied {
    let name: String
    let checksum: [UInt8]
    let at: Int64
  }

  private let migrations: [PostgresMigration]
  private let table: String
  private let lockKey: Int64
  /// For one step, and for waiting for another program's.
  private let timeout: Duration

  /// - Parameters:
  ///   - migrations: All steps from the first on; applied in the order of their versions.
  ///   - table: Where the applied steps are written down; made if it is missing.
  ///   - timeout: How long one step may take.
  public init(
    migrations: [PostgresMigration], table: String = "schema_migrations", timeout: Duration = .seconds(600)
  ) {
    self.migrations = migrations.sorted { $0.version < $1.version }
    self.table = quoteIdentifier(table)
    self.timeout = timeout
    let digest = SHA256.hash(data: Array("migrations of \(table)".utf8))
    lockKey = digest.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
  }

  /// Applies what is missing.
  ///
  /// - Returns: The versions that were applied, in order; empty if the database was up to date.
  /// - Throws: ``PostgresMigrationError``; ``PostgresError`` if the database cannot be reached.
  public func run(on connection: PostgresConnection) async throws -> [Int] {
    for (one, other) in zip(migrations, migrations.dropFirst()) where one.version == other.version {
      throw PostgresMigrationError.duplicateVersion(one.version)
    }
    try await connection.transaction { transaction in
      try await lock(transaction)
      try await transaction.execute(script: createTable)
    }
    var versions: [Int] = []
    for migration in migrations where try await apply(migration, on: connection) {
      versions.append(migration.version)
    }
    if migrations.isEmpty { try check(try await applied(connection)) }
    return versions
  }

  /// Applies what is missing; see the other overload.
  public func run(on pool: PostgresPool) async throws -> [Int] {
    try await pool.withConnection { try await run(on: $0) }
  }

  /// All steps, with when they were applied.
  ///
  /// - Throws: ``PostgresError``.
  public func status(
    on database: some PostgresQuerying
  ) async throws(PostgresError) -> [Status] {
    let exists = try await database.query("SELECT to_regclass($1) IS NOT NULL", .text(table))
    let applied = try exists[0].bool(0) ? await applied(database) : [:]
    return migrations.map { migration in
      Status(version: migration.version, name: migration.name, appliedAt: applied[migration.version]?.at)
    }
  }

  /// - Returns: whether it was missing.
  private func apply(
    _ migration: PostgresMigration, on connection: PostgresConnection
  ) async throws -> Bool {
    try await connection.transaction { transaction in
      // Taken for each step anew, and read under it: another program may have been faster.
      try await lock(transaction)
      let applied = try await applied(transaction)
      try check(applied)
      if applied[migration.version] != nil { return false }
      do throws(PostgresError) {
        try await transaction.execute(script: migration.sql, timeout: timeout)
      } catch {
        throw PostgresMigrationError.failed(version: migration.version, name: migration.name, error)
      }
      try await transaction.query(
        "INSERT INTO \(table) (version, name, checksum) VALUES ($1, $2, $3)",
        .int8(Int64(migration.version)), .text(migration.name), .bytea(migration.checksum))
      return true
    }
  }

  private func lock(_ transaction: PostgresTransaction) async throws(PostgresError) {
    try await transaction.execute(
      script: """
        SET LOCAL statement_timeout = 0;
        SET LOCAL client_min_messages = warning;
        SELECT pg_advisory_xact_lock(\(lockKey));
        """, timeout: timeout)
  }

  private var createTable: String {
    """
    CREATE TABLE IF NOT EXISTS \(table) (
      version bigint PRIMARY KEY,
      name text NOT NULL,
      checksum bytea NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """
  }

  private func applied(
    _ database: some PostgresQuerying
  ) async throws(PostgresError) -> [Int: Applied] {
    var applied: [Int: Applied] = [:]
    for row in try await database.query("SELECT version, name, checksum, applied_at FROM \(table)") {
      applied[try row.int(0)] = Applied(name: try row.text(1), checksum: try row.bytes(2), at: try row.timestamp(3))
    }
    return applied
  }

  /// Whether what the database has is a part of what this program knows.
  private func check(_ applied: [Int: Applied]) throws(PostgresMigrationError) {
    let known = Dictionary(uniqueKeysWithValues: migrations.map { ($0.version, $0) })
    for (version, entry) in applied.sorted(by: { $0.key < $1.key }) {
      guard let migration = known[version] else {
        throw .databaseIsNewer(version: version, newestKnown: migrations.last?.version ?? 0)
      }
      guard migration.checksum == entry.checksum else { throw .changed(version: version, name: migration.name) }
    }
  }
}
