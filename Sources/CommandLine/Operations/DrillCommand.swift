import ArgumentParser
import BatonDrill
import BatonTelemetry

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `baton drill`: a fleet of its own, faults by a seed, and a judgement of what became of the jobs.
struct DrillCommand: AsyncParsableCommand {
  enum Scenario: String, CaseIterable, ExpressibleByArgument {
    case interruptions
  }

  static let configuration = CommandConfiguration(
    commandName: "drill", abstract: "Put a fleet of its own through faults, and check that nothing is lost.",
    discussion: """
      Starts a private PostgreSQL server, a coordinator and workers on free ports of 127.0.0.1, gives them work, and lets \
      faults happen to them, all by the seed. Afterwards the history of what everybody did and was told is checked, and \
      the figures are printed.

      Scenario `interruptions`: each worker has a metadata service of its own, which announces that its instance is taken \
      back; workers are drained, stopped, suspended and killed, and replaced.

      Exits 0 if every check holds, 1 if one does not; then the logs and the history are kept in the folder that is named.
      """,
    subcommands: [StepProgramCommand.self])

  @Option(help: "interruptions.")
  var scenario = Scenario.interruptions

  @Option(help: "How many workers.")
  var workers = 10

  @Option(help: "How long faults happen; what runs then is let finish.")
  var minutes = 30.0

  @Option(help: "Which load and which faults.")
  var seed: UInt64 = 1

  @Option(
    name: .customLong("lease-ttl-seconds"),
    help: ArgumentHelp("How long a lease lasts unless renewed.", valueName: "seconds"))
  var leaseSeconds = 10.0

  @Option(
    help: ArgumentHelp("Where logs, records and the history go (default: a new temporary folder).", valueName: "folder")
  )
  var folder: String?

  @Flag(help: "Keep the folder also when every check holds.")
  var keep = false

  func validate() throws {
    guard (1...200).contains(workers) else { throw ValidationError("--workers must be from 1 to 200.") }
    guard minutes.isFinite, (0.1...10_000).contains(minutes) else {
      throw ValidationError("--minutes must be from 0.1 to 10000.")
    }
    guard (2...3600).contains(leaseSeconds) else {
      throw ValidationError("--lease-ttl-seconds must be from 2 to 3600.")
    }
  }

  func run() async throws {
    let surroundings = Surroundings()
    let locator = ProgramLocator(environment: surroundings.environment)
    let programs = DrillPrograms(
      coordinator: try locator.path("coordinator"), worker: try locator.path("worker"),
      step: [try locator.path("baton"), "drill", "step"])
    let folder = self.folder ?? Self.temporaryFolder(surroundings.environment)
    var options = InterruptionDrill.Options()
    options.workers = workers
    options.seconds = minutes * 60
    options.seed = seed
    options.lease = leaseSeconds
    let errors = surroundings.errors
    errors.line(
      "drill \(scenario.rawValue): \(workers) workers, \(minutes) minutes, seed \(seed); its folder is \(folder)")
    let drill = InterruptionDrill(
      options: options, programs: programs, folder: folder,
      logger: BatonLogging.logger(label: "drill", level: .warning, format: .text)
    ) { errors.line($0) }
    let verdict: InterruptionVerdict
    do {
      verdict = try await drill.run()
    } catch is CancellationError {
      throw CommandFailure(130, "the drill was interrupted; its folder is \(folder)")
    } catch let failure as DrillFailure {
      throw CommandFailure(ExitStatus.negative, "\(failure) (seed \(seed), folder \(folder))")
    }
    for line in verdict.report() { surroundings.output.line(line) }
    guard verdict.isGood else {
      throw CommandFailure(
        ExitStatus.negative,
        "\(verdict.violations.count) checks do not hold (seed \(seed)); the history is in \(folder)")
    }
    surroundings.output.line("\nEvery check holds.")
    if !keep, self.folder == nil { try? FileManager.default.removeItem(atPath: folder) }
  }

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
