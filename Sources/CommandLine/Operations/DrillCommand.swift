import ArgumentParser
import BatonDrill
import BatonShared
import BatonTelemetry
import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `baton drill`: a fleet of its own, faults by a seed, and a judgement of what became of the jobs.
struct DrillCommand: AsyncParsableCommand {
  enum Scenario: String, CaseIterable, ExpressibleByArgument {
    case faults
    case interruptions
    case chaos
    case million
    case herd
  }

  static let configuration = CommandConfiguration(
    commandName: "drill", abstract: "Put a fleet of its own through faults, and check that nothing is lost.",
    discussion: """
      Starts a private PostgreSQL server, coordinators and workers on free ports of 127.0.0.1, gives them work, and lets \
      faults happen to them, by the seed. Afterwards the history of what everybody did and was told is checked, and the \
      figures are printed.

      Scenario `faults` (the default): a steady load, and one fault after the other: what dies, stands still, restarts or \
      is cut off; a database transaction stays open all the while. About ten minutes; --fault NAME runs one alone, \
      --list names them, --short runs one of each sort.

      Scenario `interruptions`: each worker has a metadata service of its own, which announces that its instance is taken \
      back; workers are drained, stopped, suspended and killed for --minutes, and replaced.

      Scenario `chaos`: what a public comparison of job queues does to each (PostgreSQL restarted, its connections ended, no \
      connection to be had, a worker killed again and again, everything killed), and the rate before and after. Five minutes.

      Scenario `million`: --jobs small jobs through a fleet while faults of all sorts happen all the time, and every single \
      one accounted for afterwards.

      Scenario `herd`: a coordinator dies and comes back to 1,000 workers that wait for it. One minute.

      Exits 0 if every check holds, 1 if one does not; then the logs and the history are kept in the folder that is named.
      """,
    subcommands: [StepProgramCommand.self, HerdMemberCommand.self])

  @Option(help: "faults, interruptions, chaos, million or herd.")
  var scenario = Scenario.faults

  @Option(help: ArgumentHelp("Run this fault only; may be given again.", valueName: "name"))
  var fault: [String] = []

  @Flag(help: "Print the names of the faults.")
  var list = false

  @Option(help: ArgumentHelp("Judge the history of an earlier drill again, and run none.", valueName: "history.jsonl"))
  var check: String?

  @Flag(help: "Fewer and shorter faults; what is slow then is a remark. With --check: the history is of such a drill.")
  var short = false

  @Option(help: "How many workers (default: 4, for interruptions 10, million 6, herd 1000).")
  var workers: Int?

  @Option(help: "How many jobs, for million.")
  var jobs = 1_000_000

  @Option(help: "How long interruptions happen; what runs then is let finish.")
  var minutes = 30.0

  @Option(help: "Which load and which faults.")
  var seed: UInt64 = 1

  @Option(
    name: .customLong("lease-ttl-seconds"),
    help: ArgumentHelp(
      "How long a lease lasts unless renewed (default: 6, for interruptions 10).", valueName: "seconds"))
  var leaseSeconds: Double?

  @Option(
    help: ArgumentHelp(
      "Where logs, records and the history go (default: a new temporary folder).", valueName: "folder"))
  var folder: String?

  @Flag(help: "Keep the folder also when every check holds.")
  var keep = false

  func validate() throws {
    let mostWorkers = scenario == .herd ? 5000 : 200
    guard workers.map({ (1...mostWorkers).contains($0) }) ?? true else {
      throw ValidationError("--workers must be from 1 to \(mostWorkers).")
    }
    guard minutes.isFinite, (0.1...10_000).contains(minutes) else {
      throw ValidationError("--minutes must be from 0.1 to 10000.")
    }
    guard (100...10_000_000).contains(jobs) else { throw ValidationError("--jobs must be from 100 to 10000000.") }
    guard leaseSeconds.map({ (2...3600).contains($0) }) ?? true else {
      throw ValidationError("--lease-ttl-seconds must be from 2 to 3600.")
    }
    let names = FaultDrill.faults.map(\.name)
    if let unknown = fault.first(where: { !names.contains($0) }) {
      throw ValidationError("--fault: there is no '\(unknown)'; --list names them.")
    }
    guard fault.isEmpty || scenario == .faults else { throw ValidationError("--fault goes with --scenario faults.") }
    guard folder.map({ $0.hasPrefix("/") }) ?? true else { throw ValidationError("--folder must be an absolute path.") }
  }

  func run() async throws {
    let surroundings = Surroundings()
    if list {
      var table = Table([.init(heading: "fault"), .init(heading: "what happens", shrinks: true)])
      for (name, summary) in FaultDrill.faults { table.append(.init(name), .init(summary)) }
      return surroundings.show(table)
    }
    if let check { return try judge(check, surroundings) }
    let locator = ProgramLocator(environment: surroundings.environment)
    let baton = try locator.path("baton")
    let programs = DrillPrograms(
      coordinator: try locator.path("coordinator"), worker: try locator.path("worker"),
      step: [baton, "drill", "step"], herd: [baton, "drill", "herd-member"])
    let folder = self.folder ?? Self.temporaryFolder(surroundings.environment)
    surroundings.errors.line("drill \(scenario.rawValue), seed \(seed); its folder is \(folder)")
    let errors = surroundings.errors
    let setting = DrillSetting(programs: programs, folder: folder, logger: Self.logger) { errors.line($0) }
    let start = StolenTime.now()
    let began = ContinuousClock.now
    let verdict: any DrillVerdict
    do {
      verdict = try await drill(setting).run()
    } catch is CancellationError {
      throw CommandFailure(130, "the drill was interrupted; its folder is \(folder)")
    } catch let failure as DrillFailure {
      throw CommandFailure(ExitStatus.negative, "\(failure) (seed \(seed), folder \(folder))")
    }
    let took = Durations.text((ContinuousClock.now - began) / .seconds(1))
    if let share = StolenTime.share(since: start) {
      errors.line("\(share) of the processors' time was stolen by the machine's host")
    }
    surroundings.output.line("Baton \(BatonVersion.current), drill \(scenario.rawValue), seed \(seed), in \(took).\n")
    try show(verdict, otherwise: "(seed \(seed)); the history is in \(folder)", surroundings)
    if !keep, self.folder == nil { try? FileManager.default.removeItem(atPath: folder) }
  }

  private func judge(_ path: String, _ surroundings: Surroundings) throws {
    let text = try InputSource.files.read(path)
    let verdict: any DrillVerdict
    do {
      verdict = try HistoryJudge.judge(text, forgivesSlowness: short)
    } catch {
      throw CommandFailure(ExitStatus.data, "'\(path)' is no history of a drill: \(error)")
    }
    surroundings.output.line("Judged by Baton \(BatonVersion.current).\n")
    try show(verdict, otherwise: "in this history", surroundings)
  }

  /// - Parameter words: What else to say if a check does not hold.
  private func show(_ verdict: any DrillVerdict, otherwise words: String, _ surroundings: Surroundings) throws {
    for line in verdict.report() { surroundings.output.line(line) }
    guard verdict.violations.isEmpty else {
      throw CommandFailure(ExitStatus.negative, "\(verdict.violations.count) checks do not hold \(words)")
    }
    surroundings.output.line("\nEvery check holds.")
  }

  private func drill(_ setting: DrillSetting) -> any Drill {
    switch scenario {
    case .faults:
      var options = common(FaultDrill.Options())
      options.faults = fault
      options.isShort = short
      return FaultDrill(options, in: setting)
    case .interruptions:
      var options = common(InterruptionDrill.Options())
      options.seconds = minutes * 60
      return InterruptionDrill(options, in: setting)
    case .chaos:
      var options = common(ChaosDrill.Options())
      options.isShort = short
      return ChaosDrill(options, in: setting)
    case .million:
      var options = common(MillionDrill.Options())
      options.jobs = jobs
      return MillionDrill(options, in: setting)
    case .herd:
      var options = HerdDrill.Options()
      options.workers = workers ?? options.workers
      return HerdDrill(options, in: setting)
    }
  }

  /// With what was said on the command line in place of the scenario's own.
  private func common<Options: FleetDrillOptions>(_ own: Options) -> Options {
    var options = own
    options.workers = workers ?? own.workers
    options.seed = seed
    options.lease = leaseSeconds ?? own.lease
    return options
  }

  private static var logger: Logger { BatonLogging.logger(label: "drill", level: .warning, format: .text) }

  private static func temporaryFolder(_ environment: [String: String]) -> String {
    let root = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    return "\(root)/baton-drill-" + String(UInt64.random(in: .min ... .max), radix: 36)
  }
}

/// `baton drill step`: the program of the drill's own jobs.
struct StepProgramCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step", abstract: "The program of the drill's jobs; not for people.", shouldDisplay: false)

  func run() async throws {
    let input = try InputSource.files.read("-")
    let status = try await StepProgram.run(input: input, environment: Surroundings().environment)
    if status != 0 { throw ExitCode(status) }
  }
}

/// `baton drill herd-member`: many workers in one process.
struct HerdMemberCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "herd-member", abstract: "Many of the drill's workers; not for people.", shouldDisplay: false)

  @Option(help: "How many.")
  var count: Int

  @Option(help: "Where they look for work.")
  var coordinator: String

  func run() async throws {
    guard count > 0, let url = URL(string: coordinator) else {
      throw ValidationError("--count and --coordinator must be a number and an address.")
    }
    try await HerdMember.run(count: count, coordinator: url)
  }
}
