import Logging
import Subprocess

extension LocalPostgres {
  /// Runs statements as the server's own user, over its socket.
  ///
  /// - Returns: What they give: a line a row, with a tab between columns.
  /// - Throws: ``LocalPostgresError`` with what the server said.
  @discardableResult
  public func run(_ statements: String, database: String = "postgres") async throws -> String {
    try await PSQL(binaries, url: url(database: database)).run(statements)
  }

  /// Makes a standby of this server, which must be running; it follows once it is started.
  ///
  /// - Parameters:
  ///   - dataDirectory: Of the standby; an absolute path to nothing yet.
  ///   - port: Its TCP port on 127.0.0.1.
  /// - Throws: ``LocalPostgresError``.
  public func makeStandby(dataDirectory: String, port: Int, logger: Logger) async throws -> LocalPostgres {
    let standby = try LocalPostgres(
      dataDirectory: dataDirectory, port: port, settings: settings, ephemeral: isEphemeral, binaries: binaries,
      logger: logger)
    try account.makeDirectory(dataDirectory)
    let copy = [
      binaries.directory + "/pg_basebackup", "-D", dataDirectory, "-d", url(), "-R", "-X", "stream", "-c", "fast",
    ]
    let command = try account.command(copy)
    let result = try await Subprocess.run(
      .path(.init(command[0])), arguments: Arguments(Array(command.dropFirst())),
      environment: .custom(["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"]), workingDirectory: "/",
      output: .discarded, error: .string(limit: 16_384))
    guard result.terminationStatus.isSuccess else { throw LocalPostgresError.failed(result.standardError) }
    return standby
  }
}
