import ArgumentParser
import BatonClient

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What every command that speaks to a coordinator takes.
struct ConnectionOptions: ParsableArguments, Sendable {
  @Option(
    name: .customLong("url"),
    help: ArgumentHelp(
      "The coordinator's address (default: $COORDINATOR_URL, else http://127.0.0.1:8080).", valueName: "address"))
  var address: String?

  @Option(help: "The token to authenticate with (default: $BATON_TOKEN, which other users of the machine cannot see).")
  var token: String?

  @Flag(help: "Print JSON, as the coordinator answers it.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "How long to try to reach the coordinator, in seconds or as 500ms, 2m, … (default: 10s).", valueName: "duration"),
    transform: DurationArgument.seconds)
  var timeout: Double?

  /// - Parameters:
  ///   - environment: What the options fall back to.
  ///   - patience: The seconds to try without `--timeout`.
  func configuration(
    _ environment: [String: String], patience: Double = 10
  ) -> BatonClient.Configuration {
    BatonClient.Configuration(
      address: address ?? environment["COORDINATOR_URL"].flatMap { $0.isEmpty ? nil : $0 }
        ?? "http://127.0.0.1:8080",
      token: token ?? environment["BATON_TOKEN"].flatMap { $0.isEmpty ? nil : $0 },
      timeout: .seconds(timeout ?? patience))
  }
}

enum DurationArgument {
  /// - Throws: `ValidationError` when `text` is no span of time above zero.
  static func seconds(_ text: String) throws -> Double {
    guard let seconds = Durations.seconds(text), seconds > 0 else {
      throw ValidationError("'\(text)' is not a duration such as 10, 500ms or 2m.")
    }
    return seconds
  }

  /// - Throws: `ValidationError` when `text` is no span of time.
  static func delay(_ text: String) throws -> Double {
    guard let seconds = Durations.seconds(text) else {
      throw ValidationError("'\(text)' is not a duration such as 0, 10, 500ms or 2m.")
    }
    return seconds
  }
}

/// What a command runs in: arguments aside, all that it depends on.
struct Surroundings: Sendable {
  let environment: [String: String]
  let output: Terminal
  let errors: Terminal

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.environment = environment
    output = Terminal(Terminal.output, environment: environment)
    errors = Terminal(Terminal.errors, environment: environment)
  }

  /// Prints a table, cut to the terminal's width if there is one.
  func show(_ table: Table) {
    for line in table.lines(width: output.size?.columns, style: output.style) { output.line(line) }
  }

  /// Prints a JSON text.
  func show(json: [UInt8]) {
    var text = json
    while text.last == UInt8(ascii: "\n") { text.removeLast() }
    output.write(text + [UInt8(ascii: "\n")])
  }
}

/// A command that speaks to a coordinator.
protocol RemoteCommand: AsyncParsableCommand, Sendable {
  var connection: ConnectionOptions { get }
  /// Seconds to try to reach the coordinator when the user does not say.
  var patience: Double { get }
  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws
}

extension RemoteCommand {
  var patience: Double { 10 }

  func run() async throws {
    let surroundings = Surroundings()
    let command = self
    try await BatonClient.with(connection.configuration(surroundings.environment, patience: patience)) { client in
      try await command.run(client, surroundings)
    }
  }
}
