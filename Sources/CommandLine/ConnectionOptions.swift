import ArgumentParser
import BatonClient

/// What every command that speaks to a coordinator takes.
struct ConnectionOptions: ParsableArguments, Sendable {
  @Option(
    name: .customLong("url"),
    help: ArgumentHelp(
      "The coordinator's address (default: $COORDINATOR_URL, else http://127.0.0.1:8080).", valueName: "address"))
  var address: String?

  @Option(help: "The token to authenticate with (default: $BATON_TOKEN, which other users of the machine cannot see).")
  var token: String?

  @Option(
    name: .customLong("ca-file"),
    help: ArgumentHelp(
      """
      Certificate authorities to trust at an https:// address, in PEM form (default: $BATON_CA_FILE, else the system's).
      """, valueName: "file"))
  var authoritiesFile: String?

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
      authoritiesFile: authoritiesFile ?? environment["BATON_CA_FILE"].flatMap { $0.isEmpty ? nil : $0 },
      timeout: .seconds(timeout ?? patience))
  }
}
