import BatonLocalPostgres

/// The private database, asked with `psql`: the `baton` command is not to need PostgreSQL's client library.
struct BenchDatabase: Sendable {
  let url: String
  let binaries: PostgresBinaries

  /// Runs a statement.
  /// - Returns: the rows' values as text.
  /// - Throws: `BenchError` with what `psql` said.
  @discardableResult
  func query(_ statement: String) async throws -> [[String]] {
    let text: String
    do {
      text = try await PSQL(binaries, url: url).run(statement)
    } catch let error as LocalPostgresError {
      throw BenchError("psql: \(error)")
    }
    return text.split(separator: "\n").map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The only value of a statement that returns one.
  func value(_ statement: String) async throws -> String {
    guard let value = try await query(statement).first?.first else { throw BenchError("no row: \(statement)") }
    return value
  }
}
