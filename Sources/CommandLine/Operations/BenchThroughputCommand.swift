import ArgumentParser
import BatonBench

struct BenchThroughputCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "throughput", abstract: "Jobs a second: submit, lease, settle and the whole cycle.",
    discussion: """
      With 1, 8, 64 and 256 connections, a job a request and in batches of 100 and 1,000. In each round pgbench does the \
      same work in SQL on the same server, one table and no HTTP, with 8 clients: the yardstick.

      nothing             requests that need no work (GET /health)
      hummingbird         the same, of a server with the same HTTP library that does nothing else; its processor time \
      stands under COORDINATOR
      hummingbird_submit  submissions to that server, which reads them and answers as many bytes as a coordinator would
      one_table_…         the steps below, of that server with group commit into pgbench's table: the least that can be done
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
