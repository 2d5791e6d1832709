import ArgumentParser
import BatonBench

struct BenchThroughputCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "throughput", abstract: "Jobs a second: submit, lease, settle and the whole cycle.",
    discussion: """
      With 1, 8, 64 and 256 connections, a job a request and in batches of 100 and 1,000. In each round pgbench does the \
      same work in SQL on the same server, one table and no HTTP, with 8 clients: the yardstick.

      work    lease and settle in turn, jobs that are there already
      cycle   submit, lease and settle in turn
      cpu     processor time a job: of the load generator, the coordinator, the database's processes
      """)

  @OptionGroup var options: BenchOptions

  @Option(help: "How often everything is measured.")
  var rounds = 5

  @Option(help: "How large each step is; 1 takes about a second a step.")
  var scale = 1.0

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    guard (0.01...100).contains(scale) else { throw ValidationError("--scale must be from 0.01 to 100.") }
  }

  func run() async throws {
    let (rounds, scale) = (rounds, scale)
    try await options.run { try await $0.throughput(rounds: rounds, scale: scale) }
  }
}
