import ArgumentParser
import BatonCoordinator
import BatonShared
import BatonTelemetry
import BatonThreads
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// `coordinator`: serves; `coordinator migrate` and `coordinator token` help its operator.
@main
struct CoordinatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator",
    abstract: "Owns the job tables and hands jobs to workers over HTTP.",
    discussion: """
      Every setting is also an environment variable: --lease-ttl-seconds is LEASE_TTL_SECONDS. Without any, it uses the \
      database at the local socket and listens on 127.0.0.1:8080.
      """,
    version: BatonVersion.current,
    subcommands: [Serve.self, Migrate.self, Token.self], defaultSubcommand: Serve.self)
}

/// What every subcommand that touches the database needs.
struct DatabaseOptions: ParsableArguments {
  @Option(help: "libpq URL of the database; several hosts are allowed. [DATABASE_URL]")
  var databaseURL: String?
  @Option(help: "trace, debug, info, notice, warning, error or critical. [LOG_LEVEL]")
  var logLevel: String?
  @Option(help: "text or json. [LOG_FORMAT]")
  var logFormat: String?

  var flags: [String: String?] {
    ["DATABASE_URL": databaseURL, "LOG_LEVEL": logLevel, "LOG_FORMAT": logFormat]
  }
}

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serve (the default).")

  @OptionGroup var database: DatabaseOptions
  @Option(help: "Address to listen on; beyond loopback, tokens are needed. [HOST, 127.0.0.1]")
  var host: String?
  @Option(help: "Port to listen on; 0 for any. [PORT, 8080]")
  var port: String?
  @Option(help: "How long a lease lasts without renewal. [LEASE_TTL_SECONDS, 30]")
  var leaseTTLSeconds: String?
  @Option(help: "How often workers are told to renew. [HEARTBEAT_SECONDS, a third of the lease]")
  var heartbeatSeconds: String?
  @Option(help: "File of tokens; see 'coordinator token'. [TOKENS_FILE]")
  var tokensFile: String?
  @Option(help: "Certificate to serve TLS with, PEM; read again when it changes. [TLS_CERTIFICATE_FILE]")
  var tlsCertificateFile: String?
  @Option(help: "The certificate's private key, PEM. [TLS_KEY_FILE]")
  var tlsKeyFile: String?
  @Option(help: "Serve without tokens beyond loopback. [ALLOW_UNAUTHENTICATED, false]")
  var allowUnauthenticated: String?
  @Option(help: "Ask for a token at GET /metrics, too. [METRICS_NEED_TOKEN, false]")
  var metricsNeedToken: String?
  @Option(help: "Allow POST /shutdown, a forced exit for tests. [ALLOW_SIMULATE_INTERRUPTION, true]")
  var allowSimulateInterruption: String?
  @Option(help: "Connections to the database. [DATABASE_CONNECTIONS, 8]")
  var databaseConnections: String?
  @Option(help: "Largest payload or result of a job. [MAX_PAYLOAD_BYTES, 1048576]")
  var maxPayloadBytes: String?
  @Option(help: "Largest checkpoint. [MAX_CHECKPOINT_BYTES, 16777216]")
  var maxCheckpointBytes: String?
  @Option(help: "How much of a job's log is kept, its newest part. [MAX_LOG_BYTES, 4194304]")
  var maxLogBytes: String?
  @Option(help: "Largest request with many items. [MAX_BODY_BYTES, 16777216]")
  var maxBodyBytes: String?
  @OptionGroup(title: "Limits") var limits: LimitOptions
  @Option(help: "How long finished jobs are kept. [RETENTION_SECONDS, 604800]")
  var retentionSeconds: String?
  @Option(help: "How long /ready says 503 before the listener closes. [SHUTDOWN_DELAY_SECONDS, 1]")
  var shutdownDelaySeconds: String?
  @Option(help: "Stop when standard input ends, for whoever starts it as a child. [EXIT_WITH_PARENT, false]")
  var exitWithParent: String?

  private var flags: [String: String?] {
    let own: [String: String?] = [
      "HOST": host, "PORT": port, "LEASE_TTL_SECONDS": leaseTTLSeconds, "HEARTBEAT_SECONDS": heartbeatSeconds,
      "TOKENS_FILE": tokensFile, "TLS_CERTIFICATE_FILE": tlsCertificateFile, "TLS_KEY_FILE": tlsKeyFile,
      "ALLOW_UNAUTHENTICATED": allowUnauthenticated,
      "METRICS_NEED_TOKEN": metricsNeedToken, "ALLOW_SIMULATE_INTERRUPTION": allowSimulateInterruption,
      "DATABASE_CONNECTIONS": databaseConnections,
      "MAX_PAYLOAD_BYTES": maxPayloadBytes, "MAX_CHECKPOINT_BYTES": maxCheckpointBytes, "MAX_LOG_BYTES": maxLogBytes,
      "MAX_BODY_BYTES": maxBodyBytes, "RETENTION_SECONDS": retentionSeconds,
      "SHUTDOWN_DELAY_SECONDS": shutdownDelaySeconds, "EXIT_WITH_PARENT": exitWithParent,
    ]
    return own.merging(database.flags) { $1 }.merging(limits.flags) { $1 }
  }

  func run() async throws {
    let configuration = try CoordinatorConfiguration(settings: SettingsReader(flags: flags))
    ProcessSecrets.hide(flags: ["--database-url"])
    let logger = BatonLogging.logger(
      label: "coordinator", level: configuration.logLevel, format: configuration.logFormat)
    let coordinator = try Coordinator(configuration: configuration, logger: logger) {
      logger.warning("forced exit")
      Foundation.exit(1)
    }
    if configuration.exitWithParent { ParentWatch.begin() }
    try await coordinator.run(gracefulShutdownSignals: [.sigterm, .sigint])
  }
}

struct Migrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the database's schema up to date, as serving does when it starts.")

  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let configuration = try CoordinatorConfiguration(settings: SettingsReader(flags: database.flags))
    ProcessSecrets.hide(flags: ["--database-url"])
    let logger = BatonLogging.logger(
      label: "coordinator", level: configuration.logLevel, format: configuration.logFormat)
    let applied = try await Coordinator.migrate(configuration, logger: logger)
    print(
      applied.isEmpty
        ? "the schema is up to date"
        : "applied migration\(applied.count == 1 ? "" : "s") \(applied.map(String.init).joined(separator: ", "))")
  }
}

struct Token: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a token, and the line that lets it in.",
    discussion: "Only the line goes into TOKENS_FILE; the token itself goes to whoever is to use it, as BATON_TOKEN.")

  @Option(help: "submit, work or admin.")
  var role: Access.Role
  @Option(help: "Whose it is: a word for people, without white space.")
  var name: String

  func validate() throws {
    guard !name.isEmpty, !name.contains(where: \.isWhitespace), !name.contains("#") else {
      throw ValidationError("--name must be a word without white space or '#'")
    }
  }

  func run() {
    let made = Access.make(role: role, name: name)
    print("BATON_TOKEN=\(made.token)")
    print("TOKENS_FILE line: \(made.line)")
  }
}

extension Access.Role: ExpressibleByArgument {}
