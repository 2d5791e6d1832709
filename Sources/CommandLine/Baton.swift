import ArgumentParser
import BatonShared
import BatonTelemetry

/// The `baton` command.
public struct Baton: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "baton",
    abstract: "Runs batch jobs on spot instances and never drops one.",
    discussion: """
      `baton up` starts a fleet on this machine; the other commands speak to the coordinator at --url, by default the \
      fleet that `baton up` has started.

      ENVIRONMENT
        COORDINATOR_URL   the coordinator's address, where --url is not given
        BATON_TOKEN       the token to authenticate with, where --token is not given
        BATON_CA_FILE     the certificate authorities to trust, where --ca-file is not given
        NO_COLOR          no colours, also on a terminal

      EXIT STATUS
        0   success
        1   a job failed or was cancelled; or the coordinator says no
        64  wrong usage
        65  input that cannot be used: no JSON, or no job
        66  an input file that cannot be read
        69  no coordinator at that address, or it cannot serve now
        73  an output file that cannot be written
        77  no token, or one that may not do this

      COMPLETION
        baton --generate-completion-script bash > ~/.local/share/bash-completion/completions/baton
      """,
    version: BatonVersion.current,
    groupedSubcommands: [
      CommandGroup(name: "Fleet", subcommands: [UpCommand.self]),
      CommandGroup(
        name: "Jobs",
        subcommands: [
          SubmitCommand.self, JobsCommand.self, JobCommand.self, WatchCommand.self, LogsCommand.self,
          CancelCommand.self, RetryCommand.self, CheckpointCommand.self,
        ]),
      CommandGroup(
        name: "Operations",
        subcommands: [
          WorkersCommand.self, DrainCommand.self, QueuesCommand.self, PauseCommand.self, ResumeCommand.self,
          StatsCommand.self, HealthCommand.self, ImdsCommand.self, DrillCommand.self, BenchCommand.self,
        ]),
    ])

  public init() {}

  /// Parses the arguments of this process, runs the command, and ends the process with its exit status.
  public static func runToExit() async -> Never {
    do {
      var command = try parseAsRoot(GlobalOptions.moved(Array(CommandLine.arguments.dropFirst())))
      ProcessSecrets.hide(flags: ["--token", "--database-url"])
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      exit(withError: nil)
    } catch {
      guard let (code, message) = ExitStatus.of(error) else { exit(withError: error) }
      let errors = Surroundings().errors
      errors.line(errors.style.colour("Error:", .red) + " " + DisplayText.printable(message))
      exit(withError: ExitCode(code))
    }
  }
}
