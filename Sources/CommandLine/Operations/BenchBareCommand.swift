import ArgumentParser
import BatonBench
import BatonThreads

/// What `baton bench throughput` starts as its yardstick for requests.
struct BenchBareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bare",
    abstract: "An HTTP server that does nothing with what it is asked, on 127.0.0.1, until standard input ends.",
    shouldDisplay: false)

  @Option(help: "Its port.")
  var port: Int

  func validate() throws {
    guard (1...65_535).contains(port) else { throw ValidationError("--port must be from 1 to 65535.") }
  }

  func run() async throws {
    ParentWatch.begin()
    try await BareServer.run(port: port)
  }
}
