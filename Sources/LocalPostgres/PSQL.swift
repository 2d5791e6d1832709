import Subprocess

/// PostgreSQL's own client, for programs that are not to need its library.
public struct PSQL: Sendable {
  let program: String
  let url: String

  /// - Parameter url: Of the database, as libpq reads it.
  public init(_ binaries: PostgresBinaries, url: String) {
    program = binaries.psql
    self.url = url
  }

  /// Runs statements, one after the other; stops at the first that fails.
  ///
  /// - Parameter variables: For `:'name'` in the statements; other users of the machine can read them.
  /// - Returns: What they give: a line a row, with a tab between columns.
  /// - Throws: ``LocalPostgresError/failed(_:)`` with what the server said.
  @discardableResult
  public func run(_ statements: String, variables: [String: String] = [:]) async throws -> String {
    let assignments = variables.flatMap { ["-v", "\($0.key)=\($0.value)"] }
    let input = try StatementFile.open(statements + "\n")
    let result = try await Subprocess.run(
      .path(.init(program)),
      arguments: Arguments(["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"] + assignments + [url]),
      environment: .custom(["PATH": "/usr/bin:/bin", "LC_ALL": "C"]),
      input: .fileDescriptor(.init(rawValue: input), closeAfterSpawningProcess: true),
      output: .string(limit: 64 << 20), error: .string(limit: 16_384))
    guard result.terminationStatus.isSuccess else { throw LocalPostgresError.failed(result.standardError) }
    return result.standardOutput
  }
}
