import Crypto

/// One step of a database schema. Once it has been released it never changes: a later step does.
public struct PostgresMigration: Sendable {
  /// The order of the steps; unique.
  public let version: Int
  /// For people.
  public let name: String
  /// Statements separated by semicolons, run in one transaction: no `BEGIN`, no `CREATE INDEX CONCURRENTLY`.
  public let sql: String

  public init(version: Int, name: String, sql: String) {
    self.version = version
    self.name = name
    self.sql = sql
  }

  /// SHA-256 of the statements.
  var checksum: [UInt8] { Array(SHA256.hash(data: Array(sql.utf8))) }
}

/// Why a schema could not be brought up to date.
public enum PostgresMigrationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Two steps have the same version.
  case duplicateVersion(Int)
  /// A step differs from what was applied to this database under its version.
  case changed(version: Int, name: String)
  /// The database has a step that this program does not know: a newer program has been here.
  case databaseIsNewer(version: Int, newestKnown: Int)
  /// A step failed and was rolled back; the ones before it stay applied.
  case failed(version: Int, name: String, PostgresError)

  public var description: String {
    switch self {
    case .duplicateVersion(let version): "two migrations have version \(version)"
    case .changed(let version, let name):
      "migration \(version) (\(name)) differs from the one applied to this database; restore it and add a new one"
    case .databaseIsNewer(let version, let newestKnown):
      "the database has migration \(version), this program knows them up to \(newestKnown); use a newer version of it"
    case .failed(let version, let name, let error): "migration \(version) (\(name)) failed: \(error)"
    }
  }
}
