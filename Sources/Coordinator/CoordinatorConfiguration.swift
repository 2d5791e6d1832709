import BatonPostgres
import BatonShared
import BatonTelemetry
import Logging

/// Every setting of a coordinator, with the names of the environment in `init(settings:)`.
public struct CoordinatorConfiguration: Sendable {
  public var databaseURL: String?
  public var databaseConnections = 8
  public var host = "127.0.0.1"
  /// 0 for any free port.
  public var port = 8080
  public var leaseTTLSeconds = 30.0
  /// What workers are told.
  public var heartbeatSeconds = 10.0
  public var tokensFile: String?
  /// The certificate, followed by those between it and the authority, in PEM form; nil for plain HTTP.
  public var tlsCertificateFile: String?
  /// Its private key, in PEM form.
  public var tlsKeyFile: String?
  /// Serve without tokens beyond loopback.
  public var allowUnauthenticated = false
  /// Whether `GET /metrics` needs a token.
  public var metricsNeedToken = false
  /// Whether `POST /shutdown` is there: a forced exit, for tests.
  public var allowSimulateInterruption = true
  public var maxPayloadBytes = 1 << 20
  public var maxCheckpointBytes = 16 << 20
  /// The newest part of a job's log that is kept.
  public var maxLogBytes = 4 << 20
  /// The body of a request that holds many items: batches, settlements, heartbeats.
  public var maxBodyBytes = 16 << 20
  public var limits = RequestLimits()
  /// How long finished jobs are kept.
  public var retentionSeconds = 604_800.0
  /// How long `/ready` says 503 before the listener closes, so that a load balancer notices.
  public var shutdownDelaySeconds = 1.0
  public var exitWithParent = false
  /// How often requests that wait for leases are tried again without a wake-up, in case one was lost. No setting: tests
  /// turn it off to see that the wake-ups do come.
  var leaseRecheckInterval = Duration.seconds(1)
  /// How long leases that expired while this coordinator or the database was away may still be renewed. No setting: it
  /// covers the longest pause of a worker between two tries, and tests do not want to wait.
  var graceAfterOutage = Duration.seconds(2)
  public var logLevel = Logger.Level.info
  public var logFormat = LogFormat.text

  public init() {}

  /// Reads all settings.
  /// - Throws: `SettingsError` with everything that is wrong.
  public init(settings: SettingsReader) throws {
    self = try settings.collect { settings in
      var read = CoordinatorConfiguration()
      read.databaseURL = try settings.stringOrNil("DATABASE_URL", secret: true)
      read.databaseConnections = try settings.int(
        "DATABASE_CONNECTIONS", default: read.databaseConnections, in: 3...1000)
      read.host = try settings.string("HOST", default: read.host)
      read.port = try settings.int("PORT", default: read.port, in: 0...65_535)
      read.leaseTTLSeconds = try settings.seconds("LEASE_TTL_SECONDS", default: read.leaseTTLSeconds, in: 1...86_400)
      read.heartbeatSeconds = try settings.seconds(
        "HEARTBEAT_SECONDS", default: read.leaseTTLSeconds / 3, in: 0.1...28_800)
      try settings.require(
        read.heartbeatSeconds <= read.leaseTTLSeconds / 2, "HEARTBEAT_SECONDS",
        expected: "at most half of LEASE_TTL_SECONDS, so that one lost heartbeat loses no lease")
      read.tokensFile = try settings.stringOrNil("TOKENS_FILE")
      read.tlsCertificateFile = try settings.stringOrNil("TLS_CERTIFICATE_FILE")
      read.tlsKeyFile = try settings.stringOrNil("TLS_KEY_FILE")
      try settings.require(
        (read.tlsCertificateFile == nil) == (read.tlsKeyFile == nil),
        read.tlsKeyFile == nil ? "TLS_KEY_FILE" : "TLS_CERTIFICATE_FILE",
        expected: "a path: TLS needs both the certificate and its key")
      read.allowUnauthenticated = try settings.bool("ALLOW_UNAUTHENTICATED", default: false)
      read.metricsNeedToken = try settings.bool("METRICS_NEED_TOKEN", default: false)
      read.allowSimulateInterruption = try settings.bool("ALLOW_SIMULATE_INTERRUPTION", default: true)
      read.maxPayloadBytes = try settings.int("MAX_PAYLOAD_BYTES", default: read.maxPayloadBytes, in: 64...(256 << 20))
      read.maxCheckpointBytes = try settings.int(
        "MAX_CHECKPOINT_BYTES", default: read.maxCheckpointBytes, in: 0...(512 << 20))
      read.maxLogBytes = try settings.int("MAX_LOG_BYTES", default: read.maxLogBytes, in: 1024...(512 << 20))
      read.maxBodyBytes = try settings.int("MAX_BODY_BYTES", default: read.maxBodyBytes, in: 1024...(512 << 20))
      let leastRoom = read.maxPayloadBytes + RequestLimits.besidePayloadBytes
      try settings.require(
        read.maxBodyBytes >= leastRoom, "MAX_BODY_BYTES",
        expected: "at least 128 KiB more than MAX_PAYLOAD_BYTES, so that a result may be as large as a payload")
      read.limits = try RequestLimits(settings: settings)
      try settings.require(
        read.limits.maxRequestMemoryBytes >= leastRoom, "MAX_REQUEST_MEMORY_BYTES",
        expected: "at least 128 KiB more than MAX_PAYLOAD_BYTES, so that what may be submitted can be leased")
      read.retentionSeconds = try settings.seconds(
        "RETENTION_SECONDS", default: read.retentionSeconds, in: 0...315_360_000)
      read.shutdownDelaySeconds = try settings.seconds(
        "SHUTDOWN_DELAY_SECONDS", default: read.shutdownDelaySeconds, in: 0...3600)
      read.exitWithParent = try settings.bool("EXIT_WITH_PARENT", default: false)
      read.logLevel = try settings.logLevel()
      read.logFormat = try settings.logFormat()
      return read
    }
  }

  /// Whether only programs of this machine can connect.
  var listensOnLoopbackOnly: Bool { Loopback.contains(host) }
}
