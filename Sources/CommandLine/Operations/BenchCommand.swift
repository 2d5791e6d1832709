import ArgumentParser
import BatonBench
import BatonJSON
import BatonTelemetry

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `baton bench`: how fast all this is, on this machine.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure how fast Baton is on this machine.",
    discussion: """
      Measures a fleet of its own: PostgreSQL with full durability (fsync and synchronous_commit on), a coordinator and \
      workers as they are in production, all of which end with the benchmark. With --url some benchmarks measure a \
      coordinator that runs already; their jobs go to a queue of their own and stay in its history.

      The figures depend on the machine, and on what else it does: compare those of one run with each other. Use a \
      release build.
      """,
    subcommands: [
      BenchAllCommand.self, BenchThroughputCommand.self, BenchLatencyCommand.self, BenchFairnessCommand.self,
      BenchBurndownCommand.self, BenchHeartbeatsCommand.self, BenchWaitingCommand.self, BenchHandoverCommand.self,
      BenchRecoveryCommand.self, BenchScaleCommand.self, BenchPinnedCommand.self, BenchSoakCommand.self,
    ])
}

/// What all benchmarks take.
struct BenchOptions: ParsableArguments, Sendable {
  @Option(
    name: .customLong("url"),
    help: ArgumentHelp("Measure the coordinator at this address (default: a fleet of its own).", valueName: "address"))
  var address: String?

  @Option(help: "The token to authenticate with (default: $BATON_TOKEN).")
  var token: String?

  @Flag(help: "Print the report as JSON.")
  var json = false

  @Option(help: ArgumentHelp("Write the report as JSON to this file, too.", valueName: "file"))
  var report: String?

  /// Runs a benchmark and shows what it found.
  func run(_ measure: (Bench) async throws -> BenchReport) async throws {
    let surroundings = Surroundings()
    let bench = Bench(subject: try subject(surroundings.environment)) { text in
      surroundings.errors.line(surroundings.errors.style.faint(text))
    }
    let start = StolenTime.now()
    var found: BenchReport
    do {
      found = try await measure(bench)
    } catch let error as BenchError {
      throw CommandFailure(ExitStatus.negative, error.description)
    }
    if let share = StolenTime.share(since: start) { found.setting.append(("stolen by the host", share)) }
    if let report {
      do {
        try Data(found.json + [UInt8(ascii: "\n")]).write(to: URL(fileURLWithPath: report), options: .atomic)
      } catch {
        throw CommandFailure(ExitStatus.cannotCreate, "cannot write '\(report)'")
      }
    }
    if json {
      surroundings.show(json: found.json)
    } else {
      BenchTables.show(found, surroundings)
    }
  }

  private func subject(_ environment: [String: String]) throws -> Bench.Subject {
    if let address {
      let token = token ?? environment["BATON_TOKEN"]
      do {
        return .running(try WireTarget(address: address, token: token))
      } catch {
        throw ValidationError("--url: \(error)")
      }
    }
    let locator = ProgramLocator(environment: environment)
    return .privateFleet(
      BenchPrograms(
        coordinator: try locator.path("coordinator"), worker: try locator.path("worker"),
        yardstick: locator.pathBesideBaton("yardstick")))
  }
}

struct BenchHandoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "handover", abstract: "The gap from the release of a job to its next start.",
    discussion: """
      One job passes between two workers, the other of which has waited for work for a while. First the benchmark speaks \
      the workers' side of the protocol, which shows what the coordinator and the database take; then real workers run \
      a program that writes down its own starts and stops, which shows what a job sees.

      release_to_start   from the old worker's report to the new worker's lease, or the first word of the new program
      recorded           from the end of one attempt to the beginning of the next, as the database has it
      stop_to_start      from the last word of the old program to the first word of the new one
      program_alone      what that program takes to its first word by itself, without Baton
      """)

  @OptionGroup var options: BenchOptions

  @Option(help: "Hand-overs at the level of the protocol.")
  var rounds = 500

  @Option(help: "Hand-overs between real workers; 0 for none. They need a fleet of their own.")
  var workerRounds = 50

  func validate() throws {
    guard (1...1_000_000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 1000000.") }
    guard (0...100_000).contains(workerRounds) else {
      throw ValidationError("--worker-rounds must be from 0 to 100000.")
    }
  }

  func run() async throws {
    let (rounds, workerRounds) = (rounds, workerRounds)
    try await options.run { try await $0.handover(rounds: rounds, workerRounds: workerRounds) }
  }
}

struct BenchRecoveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recovery", abstract: "The time from the sudden death of a worker to the next start of its job.",
    discussion: """
      A worker is killed (SIGKILL) at any moment between two heartbeats, and its program with it, while another worker \
      waits for work. Nothing but the end of the lease tells that it is gone.
      """)

  @OptionGroup var options: BenchOptions

  @Option(help: ArgumentHelp("How long leases last; several, separated by commas.", valueName: "seconds"))
  var lease = "2,5"

  @Option(help: "Workers killed with each.")
  var rounds = 5

  func validate() throws {
    _ = try leases()
    guard (1...10_000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 10000.") }
  }

  func run() async throws {
    let (leases, rounds) = (try leases(), rounds)
    try await options.run { try await $0.recovery(leases: leases, rounds: rounds) }
  }

  private func leases() throws -> [Double] {
    let leases = lease.split(separator: ",").map { Double($0.filter { $0 != " " }) ?? .nan }
    guard !leases.isEmpty, leases.allSatisfy({ (1...3600).contains($0) }) else {
      throw ValidationError("--lease must be numbers of seconds from 1 to 3600.")
    }
    return leases
  }
}
