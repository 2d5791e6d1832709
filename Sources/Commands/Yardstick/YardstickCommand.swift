import ArgumentParser
import BatonShared
import BatonThreads
import BatonYardstick

/// `yardstick`: what `baton bench throughput` holds the coordinator's single requests against.
@main
struct YardstickCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "yardstick",
    abstract: "An HTTP server on 127.0.0.1 that does the least that a job queue can do, until standard input ends.",
    discussion: """
      For benchmarks only. With a database it keeps, leases and settles jobs in one table, with group commit, and checks \
      nothing; without one it forgets them.
      """,
    version: BatonVersion.current)

  @Option(help: "Its port.")
  var port: Int

  @Option(help: "libpq URL of the database with pgbench's table.")
  var databaseURL: String?

  @Option(help: "How many statements of a sort may be at the database at once.")
  var lanes = 1

  func validate() throws {
    guard (1...65_535).contains(port) else { throw ValidationError("--port must be from 1 to 65535.") }
    guard (1...16).contains(lanes) else { throw ValidationError("--lanes must be from 1 to 16.") }
  }

  func run() async throws {
    ParentWatch.begin()
    try await YardstickServer.run(port: port, databaseURL: databaseURL, lanes: lanes)
  }
}
