import ArgumentParser
import BatonShared
import BatonThreads
import BatonYardstick

/// `yardstick`: what `baton bench throughput` holds the coordinator's single requests against.
@main
struct YardstickCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "yardstick",
    abstract: "A plain job queue over HTTP on 127.0.0.1, until standard input ends.",
    discussion: """
      For benchmarks only. With a database it keeps, leases and settles jobs in one table, with group commit, and checks \
      nothing; without one it forgets them.
      """,
    version: BatonVersion.current)

  @Option(help: "Its port.")
  var port: Int

  @Option(help: "libpq URL of the database with pgbench's table.")
  var databaseURL: String?

  func validate() throws {
    guard (1...65_535).contains(port) else { throw ValidationError("--port must be from 1 to 65535.") }
  }

  func run() async throws {
    ParentWatch.begin()
    try await YardstickServer.run(port: port, databaseURL: databaseURL)
  }
}
