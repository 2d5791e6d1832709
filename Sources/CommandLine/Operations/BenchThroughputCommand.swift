import ArgumentParser
import BatonBench

struct BenchThroughputCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "throughput", abstract: "Jobs a second: submit, lease, settle and the whole cycle.",
    discussion: """
      With 1, 8, 64 and 256 connections, a job a request and in batches of 100 and 1,000. In each round pgbench does the \
      same work in SQL on the same server, one table and no HTTP, with 8 clients. Single requests are held against a plain job \
      queue over HTTP, too: the program yardstick, if it is beside baton.

      nothing             requests that need no work (GET /health)
      http, http_submit   requests that need no work, and submissions that are forgotten, of the plain queue; its processor \
      time stands under COORDINATOR
      one_table_…         the steps below, of the plain queue: group commit into pgbench's table, and nothing is checked
      work                lease and settle in turn, jobs that are there already
      cycle               submit, lease and settle in turn
      cpu                 processor time a job: of the load generator, the coordinator, the database's processes
      """)

  @OptionGroup var options: BenchOptions

  @Option(help: "How often everything is measured.")
  var rounds = 5

  @Option(help: "How large each step is; 1 takes about a second a step.")
  var scale = 1.0

  @Option(help: "How many connections; several, separated by commas (default: those of the report).")
  var connections: String?

  @Option(help: "How many jobs a request; several, separated by commas (default: those of the report).")
  var batch: String?

  func validate() throws {
    _ = try numbers(connections, "--connections", in: 1...10_000)
    _ = try numbers(batch, "--batch", in: 1...1000)
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    guard (0.01...100).contains(scale) else { throw ValidationError("--scale must be from 0.01 to 100.") }
  }

  func run() async throws {
    let (rounds, scale) = (rounds, scale)
    let connections = try numbers(connections, "--connections", in: 1...10_000)
    let batches = try numbers(batch, "--batch", in: 1...1000)
    try await options.run {
      try await $0.throughput(rounds: rounds, scale: scale, connections: connections, batches: batches)
    }
  }

  private func numbers(_ text: String?, _ name: String, in range: ClosedRange<Int>) throws -> [Int]? {
    guard let text else { return nil }
    let numbers = text.split(separator: ",").map { Int($0.filter { $0 != " " }) ?? 0 }
    guard !numbers.isEmpty, numbers.allSatisfy(range.contains) else {
      throw ValidationError("\(name) must be numbers from \(range.lowerBound) to \(range.upperBound).")
    }
    return numbers
  }
}
