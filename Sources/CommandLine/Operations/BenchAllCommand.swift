import ArgumentParser
import BatonBench

struct BenchAllCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "all", abstract: "The short benchmarks of a private fleet, one after the other, in one report.",
    discussion: """
      Takes about half an hour on a machine that does nothing else. The long ones, scale, pinned and soak, are run by \
      themselves.
      """)

  @OptionGroup var options: BenchOptions

  @Option(help: "How often throughput, latency, fairness, heartbeats and burn-down are measured.")
  var rounds = 5

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    guard options.address == nil else { throw ValidationError("it needs a fleet of its own: leave out --url.") }
  }

  func run() async throws {
    let rounds = rounds
    try await options.run { bench in
      var report = try await bench.throughput(rounds: rounds, scale: 1)
      report.append(try await bench.latency(rounds: rounds, rates: [50, 200, 800], seconds: 10, workers: 16))
      report.append(
        try await bench.fairness(rounds: rounds, rate: 200, seconds: 10, batch: 10_000, submitters: 4, workers: 16))
      report.append(
        try await bench.burnDown(rounds: rounds, jobs: 200_000, workers: 2, slots: 128, jobSeconds: 0))
      report.append(
        try await bench.burnDown(rounds: rounds, jobs: 20_000, workers: 2, slots: 128, jobSeconds: 0.001))
      report.append(try await bench.heartbeats(rounds: rounds, workers: 100))
      report.append(try await bench.waiting(workers: 10_000, seconds: 20))
      report.append(try await bench.handover(rounds: 500, workerRounds: 50))
      report.append(try await bench.recovery(leases: [2, 5], rounds: 5))
      return report
    }
  }
}
