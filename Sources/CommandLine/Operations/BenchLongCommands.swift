import ArgumentParser
import BatonBench

struct BenchScaleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale", abstract: "What a lease costs with millions of queued and finished jobs.",
    discussion: """
      Two databases on one server, one with 1,000 queued jobs and one that is filled by SQL, step by step. Requests for 1 \
      and for 100 leases are made to both in turn, from one queue with jobs of one priority, and from eight queues with \
      jobs of five. What is leased is settled and replaced.

      With 10 million each it takes about half an hour and 25 GB of disk.
      """)

  @OptionGroup var options: BenchOptions
  @Option(help: "How often each is measured, at each size.") var rounds = 5
  @Option(help: "Queued jobs in one queue; a quarter as many are put into others besides.") var queued = 10_000_000
  @Option(help: "Finished jobs.") var finished = 10_000_000
  @Option(help: "How many sizes; each is ten times the one before, as far as they are 10,000 or more.") var steps = 3

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    guard (1000...100_000_000).contains(queued) else {
      throw ValidationError("--queued must be from 1000 to 100000000.")
    }
    guard (0...100_000_000).contains(finished) else {
      throw ValidationError("--finished must be from 0 to 100000000.")
    }
    guard (1...5).contains(steps) else { throw ValidationError("--steps must be from 1 to 5.") }
  }

  func run() async throws {
    let (rounds, queued, finished, steps) = (rounds, queued, finished, steps)
    try await options.run {
      try await $0.scale(rounds: rounds, queued: queued, finished: finished, steps: steps)
    }
  }
}

struct BenchPinnedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pinned", abstract: "A steady load behind a transaction that stays open.",
    discussion: """
      Jobs are submitted by the clock, leased by workers that wait, and settled at once; the benchmark speaks for all of \
      them. With another session's transaction that stays open from beginning to end, so that the database can clean up \
      nothing that dies meanwhile; and without it, one half of the time before and one after.
      """)

  @OptionGroup var options: BenchOptions
  @Option(help: "Jobs a second.") var rate = 800.0
  @Option(help: "How long it takes with the transaction, and again without.") var minutes = 10.0
  @Option(help: "How many workers wait.") var workers = 32

  func validate() throws {
    guard (1...10_000).contains(rate) else { throw ValidationError("--rate must be from 1 to 10000.") }
    guard (0.05...1440).contains(minutes) else { throw ValidationError("--minutes must be from 0.05 to 1440.") }
    guard (1...1000).contains(workers) else { throw ValidationError("--workers must be from 1 to 1000.") }
  }

  func run() async throws {
    let (rate, seconds, workers) = (rate, minutes * 60, workers)
    try await options.run { try await $0.pinned(rate: rate, seconds: seconds, workers: workers) }
  }
}

struct BenchSoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak", abstract: "Real workers under a steady load, for long: does anything grow?",
    discussion: """
      Memory of the coordinator and the workers, sizes of all tables and indexes, rate and latency, minute by minute. \
      Finished jobs are deleted soon. Something has grown if there is more of it after the first ten minutes (the first \
      sixth of a shorter run) than there ever was until then, by more than a tenth.

      Twenty jobs a second, in a queue of their own, are timed from their submission to their start.
      """)

  @OptionGroup var options: BenchOptions
  @Option(help: "How long it takes.") var minutes = 60.0
  @Option(help: "Jobs a second (default: half of the most that it takes, which is measured first).") var rate: Double?
  @Option(help: "How many worker processes.") var workers = 2
  @Option(help: "Jobs that a worker runs at once.") var slots = 128
  @Option(help: ArgumentHelp("How long finished jobs are kept.", valueName: "seconds")) var retention = 120.0

  func validate() throws {
    guard (0.2...10_080).contains(minutes) else { throw ValidationError("--minutes must be from 0.2 to 10080.") }
    if let rate, !(1...100_000).contains(rate) { throw ValidationError("--rate must be from 1 to 100000.") }
    guard (1...100).contains(workers) else { throw ValidationError("--workers must be from 1 to 100.") }
    guard (1...10_000).contains(slots) else { throw ValidationError("--slots must be from 1 to 10000.") }
    guard (2...604_800).contains(retention) else { throw ValidationError("--retention must be from 2 to 604800.") }
  }

  func run() async throws {
    let (rate, seconds, workers, slots, retention) = (rate, minutes * 60, workers, slots, retention)
    try await options.run {
      try await $0.soak(
        rate: rate, seconds: seconds, workers: workers, slots: slots, retentionSeconds: retention)
    }
  }
}
