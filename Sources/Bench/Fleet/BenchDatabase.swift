import BatonLocalPostgres
import Subprocess

/// The private database, asked with `psql`: the `baton` command is not to need PostgreSQL's client library.
struct BenchDatabase: Sendable {
  let url: String
  let binaries: PostgresBinaries

  /// Runs a statement.
  /// - Returns: the rows' values as text.
  /// - Throws: `BenchError` with what `psql` said.
  @discardableResult
  func query(_ statement: String) async throws -> [[String]] {
    let result = try await Subprocess.run(
      .path(.init(binaries.psql)),
      arguments: Arguments(["-X", "-A", "-t", "-q", "-F", "\t", "-v", "ON_ERROR_STOP=1", url]),
      environment: .custom(["PATH": "/usr/bin:/bin", "LC_ALL": "C"]), input: .string(statement + "\n"),
      output: .string(limit: 64 << 20), error: .string(limit: 16_384))
    guard result.terminationStatus.isSuccess else { throw BenchError("psql: \(result.standardError)") }
    return result.standardOutput.split(separator: "\n").map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The only value of a statement that returns one.
  func value(_ statement: String) async throws -> String {
    guard let value = try await query(statement).first?.first else { throw BenchError("no row: \(statement)") }
    return value
  }
}
