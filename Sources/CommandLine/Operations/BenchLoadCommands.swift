import ArgumentParser
import BatonBench

struct BenchLatencyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency", abstract: "From the submission of a job to its start, with workers that wait.",
    discussion: """
      Submissions go out by the clock, whether the last one has been answered or not, and each is timed from the moment \
      it was due. The benchmark speaks the workers' side of the protocol.
      """)

  @OptionGroup var options: BenchOptions
  @Option(help: "How often it is measured.") var rounds = 5
  @Option(help: "Submissions a second; several, separated by commas.") var rate = "200"
  @Option(help: "How long a round takes.") var seconds = 10.0
  @Option(help: "How many workers wait.") var workers = 16

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    _ = try rates()
    guard (1...3600).contains(seconds) else { throw ValidationError("--seconds must be from 1 to 3600.") }
    guard (1...1000).contains(workers) else { throw ValidationError("--workers must be from 1 to 1000.") }
  }

  func run() async throws {
    let (rounds, rates, seconds, workers) = (rounds, try rates(), seconds, workers)
    try await options.run { try await $0.latency(rounds: rounds, rates: rates, seconds: seconds, workers: workers) }
  }

  private func rates() throws -> [Double] {
    let rates = rate.split(separator: ",").map { Double($0.filter { $0 != " " }) ?? .nan }
    guard !rates.isEmpty, rates.allSatisfy({ (1...10_000).contains($0) }) else {
      throw ValidationError("--rate must be numbers from 1 to 10000.")
    }
    return rates
  }
}

struct BenchFairnessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fairness", abstract: "What single jobs wait for while somebody submits large batches.",
    discussion: """
      Single jobs are submitted by the clock and started by workers that wait, as in 'latency': alone, and beside \
      connections that submit one large batch after the other into another queue; in turns.
      """)

  /// More would be refused: too many would wait.
  private static let mostJobsUnderWay = 50_000

  @OptionGroup var options: BenchOptions
  @Option(help: "How often it is measured.") var rounds = 5
  @Option(help: "Single submissions a second.") var rate = 200.0
  @Option(help: "How long a round takes, alone and again beside the batches.") var seconds = 10.0
  @Option(help: "Jobs of a large batch.") var batch = 10_000
  @Option(help: "How many connections submit large batches.") var submitters = 4
  @Option(help: "How many workers wait for the single jobs.") var workers = 16

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    guard (1...10_000).contains(rate) else { throw ValidationError("--rate must be from 1 to 10000.") }
    guard (1...3600).contains(seconds) else { throw ValidationError("--seconds must be from 1 to 3600.") }
    guard (1...10_000).contains(batch) else { throw ValidationError("--batch must be from 1 to 10000.") }
    guard (1...100).contains(submitters) else { throw ValidationError("--submitters must be from 1 to 100.") }
    guard submitters * batch <= Self.mostJobsUnderWay else {
      throw ValidationError("--submitters times --batch must be at most \(Self.mostJobsUnderWay).")
    }
    guard (1...1000).contains(workers) else { throw ValidationError("--workers must be from 1 to 1000.") }
  }

  func run() async throws {
    let (rounds, rate, seconds, batch) = (rounds, rate, seconds, batch)
    let (submitters, workers) = (submitters, workers)
    try await options.run {
      try await $0.fairness(
        rounds: rounds, rate: rate, seconds: seconds, batch: batch, submitters: submitters, workers: workers)
    }
  }
}

struct BenchHeartbeatsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heartbeats", abstract: "What it costs to keep leases in force.",
    discussion: "Each worker holds 1,000 leases; in a round each sends one heartbeat with all of them.")

  @OptionGroup var options: BenchOptions
  @Option(help: "How often all leases are renewed.") var rounds = 5
  @Option(help: "How many workers, with 1,000 leases each.") var workers = 100

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    guard (1...1000).contains(workers) else { throw ValidationError("--workers must be from 1 to 1000.") }
  }

  func run() async throws {
    let (rounds, workers) = (rounds, workers)
    try await options.run { try await $0.heartbeats(rounds: rounds, workers: workers) }
  }
}

struct BenchBurndownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "burndown", abstract: "How fast real workers get through a backlog.",
    discussion: """
      The backlog waits in a paused queue until the workers are there. The rate is taken from the database's record: from \
      the first start of a job to the last end. Before each round pgbench leases and settles in batches of 100: the \
      yardstick.
      """)

  @OptionGroup var options: BenchOptions
  @Option(help: "How often it is measured.") var rounds = 5
  @Option(help: "The size of the backlog.") var jobs = 200_000
  @Option(help: "How many worker processes.") var workers = 2
  @Option(help: "Jobs that a worker runs at once.") var slots = 128
  @Option(help: ArgumentHelp("How long each job takes; 0 for jobs that do nothing.", valueName: "ms"))
  var jobMs = 0.0

  func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000.") }
    guard (1...10_000_000).contains(jobs) else { throw ValidationError("--jobs must be from 1 to 10000000.") }
    guard (1...100).contains(workers) else { throw ValidationError("--workers must be from 1 to 100.") }
    guard (1...10_000).contains(slots) else { throw ValidationError("--slots must be from 1 to 10000.") }
    guard (0...60_000).contains(jobMs) else { throw ValidationError("--job-ms must be from 0 to 60000.") }
  }

  func run() async throws {
    let (rounds, jobs, workers, slots, seconds) = (rounds, jobs, workers, slots, jobMs / 1000)
    try await options.run {
      try await $0.burnDown(rounds: rounds, jobs: jobs, workers: workers, slots: slots, jobSeconds: seconds)
    }
  }
}

struct BenchWaitingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "waiting", abstract: "What many workers cost that wait for work.",
    discussion: """
      Each is a connection with a request for leases that is held open; the number of open files must allow it.

      idle         while nothing happens
      heartbeats   while each says every ten seconds that it is alive
      """)

  @OptionGroup var options: BenchOptions
  @Option(help: "How many workers.") var workers = 10_000
  @Option(help: "How long they are watched.") var seconds = 20.0

  func validate() throws {
    guard (1...100_000).contains(workers) else { throw ValidationError("--workers must be from 1 to 100000.") }
    guard (1...40).contains(seconds) else { throw ValidationError("--seconds must be from 1 to 40.") }
  }

  func run() async throws {
    let (workers, seconds) = (workers, seconds)
    try await options.run { try await $0.waiting(workers: workers, seconds: seconds) }
  }
}
