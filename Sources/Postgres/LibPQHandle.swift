import CLibPQ
import Logging

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Owns one `PGconn` of libpq: only ever touched by the actor that made it.
final class LibPQHandle {
  let pointer: OpaquePointer
  /// The server's time limit for one statement; zero if there is none.
  let statementTimeout: Duration
  /// How long a silence may be before it is looked into; zero if it never is.
  let silenceLimit: Duration
  private let notices: NoticeSink
  private var isAbandoned = false
  /// Whether it has died without a word: others that were made before it may have, too.
  private(set) var isDead = false

  /// Connects, blocking the thread until there is a connection or every host's time is up.
  ///
  /// Blocking, because only then libpq moves on to the next host when one does not answer.
  init(_ configuration: PostgresConfiguration, logger: Logger) throws(PostgresError) {
    if let mistake = configuration.mistake { throw .connection(mistake) }
    let parameters = configuration.parameters
    var keywords: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.keyword)) }
    var values: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.value)) }
    defer { for string in keywords + values { free(UnsafeMutablePointer(mutating: string)) } }
    keywords.append(nil)
    values.append(nil)
    guard let pointer = PQconnectdbParams(keywords, values, 1) else { throw .connection("out of memory") }
    guard PQstatus(pointer) == CONNECTION_OK else {
      defer { PQfinish(pointer) }
      throw .connection(Self.connectFailure(pointer))
    }
    self.pointer = pointer
    statementTimeout = configuration.statementTimeout
    silenceLimit = configuration.silenceLimit
    notices = NoticeSink(logger: logger)
    PQsetNoticeReceiver(
      pointer,
      { sink, result in
        guard let sink, let result else { return }
        Unmanaged<NoticeSink>.fromOpaque(sink).takeUnretainedValue().receive(result)
      }, Unmanaged.passUnretained(notices).toOpaque())
    // A statement larger than the socket's buffer must not block the thread past its deadline.
    PQsetnonblocking(pointer, 1)
  }

  deinit {
    PQfinish(pointer)
  }

  var socket: Int32 { PQsocket(pointer) }
  /// The server's process for this connection.
  var processID: Int32 { PQbackendPID(pointer) }
  var isLost: Bool { isAbandoned || PQstatus(pointer) != CONNECTION_OK || notices.sawFatal }
  var isIdle: Bool { PQtransactionStatus(pointer) == PQTRANS_IDLE }

  /// Marks the connection as one to be closed, whatever libpq thinks of it.
  func abandon() { isAbandoned = true }

  func declareDead() {
    isDead = true
    isAbandoned = true
  }

  /// What libpq says about the last failure.
  var failure: String { Self.message(pointer) }

  /// What libpq says about a connection that could not be made. Only failures of a kind that never quotes the
  /// connection string: with a mistake in it, the part that is quoted may be the password.
  private static func connectFailure(_ pointer: OpaquePointer) -> String {
    let message = message(pointer)
    let harmless = [
      "connection to server", "could not translate host name", "could not look up", "definition of service",
      "invalid sslmode value", "invalid target_session_attrs value",
    ]
    if harmless.contains(where: message.hasPrefix) { return message }
    return "the connection string is not valid, or has a setting that libpq does not know"
  }

  private static func message(_ pointer: OpaquePointer) -> String {
    String(cString: PQerrorMessage(pointer)).split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

/// Gets what the server says unasked.
private final class NoticeSink {
  private let logger: Logger
  /// The server announced the end of the connection: the socket may still look open for a moment.
  private(set) var sawFatal = false

  init(logger: Logger) {
    self.logger = logger
  }

  func receive(_ result: OpaquePointer) {
    let severity = Self.field(result, "V") ?? "NOTICE"
    if severity == "FATAL" || severity == "PANIC" { sawFatal = true }
    let isWorthReading = severity != "NOTICE" && severity != "DEBUG" && severity != "LOG"
    logger.log(
      level: isWorthReading ? .info : .debug, "PostgreSQL says: \(Self.field(result, "M") ?? "")",
      metadata: ["severity": "\(severity)"])
  }

  private static func field(_ result: OpaquePointer, _ code: Unicode.Scalar) -> String? {
    PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
  }
}
