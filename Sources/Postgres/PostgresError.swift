/// What went wrong at the database.
public enum PostgresError: Error, Hashable, Sendable {
  /// No connection could be made, or it was lost. After a loss it is not known whether the statement took effect.
  case connection(String)
  /// The server refused the statement.
  case server(PostgresServerError)
  /// The statement did not end within its time limit and was stopped.
  case timeout
  /// The task that asked was cancelled; the statement was stopped or not started.
  case cancelled
  /// Every connection of the pool stayed in use for longer than a caller is willing to wait.
  case poolExhausted
  /// The connection or pool has been closed by its owner.
  case closed
  /// A value in the result is not of the type that was asked for.
  case decoding(String)
}

/// An error as the server reports it.
public struct PostgresServerError: Hashable, Sendable {
  /// Five characters; see "PostgreSQL Error Codes" in its manual.
  public var sqlState: String
  public var message: String
  /// May hold values out of rows, so it is not part of any description.
  public var detail: String?
  public var hint: String?
  public var constraint: String?
  public var table: String?
  public var column: String?
  /// `ERROR`, `FATAL` or `PANIC`.
  public var severity: String

  public init(
    sqlState: String, message: String, detail: String? = nil, hint: String? = nil, constraint: String? = nil,
    table: String? = nil, column: String? = nil, severity: String = "ERROR"
  ) {
    self.sqlState = sqlState
    self.message = message
    self.detail = detail
    self.hint = hint
    self.constraint = constraint
    self.table = table
    self.column = column
    self.severity = severity
  }
}

extension PostgresError {
  /// The server's error code, if the server reported the error.
  public var sqlState: String? {
    if case .server(let error) = self { error.sqlState } else { nil }
  }

  /// The name of the constraint that was violated, if that is the error.
  public var constraint: String? {
    if case .server(let error) = self { error.constraint } else { nil }
  }

  /// Whether there was no connection, or it broke.
  public var isConnectionFailure: Bool {
    switch self {
    case .connection: true
    case .server(let error): error.endsConnection
    default: false
    }
  }

  /// Whether the same call may well succeed in a moment: connection failures, serialization failures, deadlocks, a
  /// server that shuts down, starts or has no room on its disk, in memory or for connections (class 53), one that was
  /// demoted to a read-only replica, a lock that was not free in time (55P03), or a statement that somebody else cancelled
  /// (57014).
  public var isTransient: Bool {
    switch self {
    case .connection: true
    case .server(let error):
      error.endsConnection || error.sqlState.hasPrefix("53")
        || ["40001", "40P01", "25006", "55P03", "57014"].contains(error.sqlState)
    default: false
    }
  }
}

extension PostgresServerError {
  /// Whether the server ends the connection with this error, or is not one to talk to (class 08, shutdown, crash,
  /// start-up).
  var endsConnection: Bool {
    severity == "FATAL" || severity == "PANIC" || sqlState.hasPrefix("08")
      || ["57P01", "57P02", "57P03", "57P05"].contains(sqlState)
  }

  /// A primary that became a replica refuses writes: the connection is whole, and of no use any more.
  var isReadOnly: Bool { sqlState == "25006" }
}

extension PostgresError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .connection(let message): "database connection: \(message)"
    case .server(let error): error.description
    case .timeout: "the database did not answer in time"
    case .cancelled: "the database call was cancelled"
    case .poolExhausted: "no free database connection"
    case .closed: "the database connection is closed"
    case .decoding(let message): "unexpected database value: \(message)"
    }
  }
}

extension PostgresServerError: CustomStringConvertible {
  public var description: String {
    var text = "\(messageWithoutValues) (SQLSTATE \(sqlState)"
    if let constraint { text += ", constraint \(constraint)" }
    if let table { text += ", table \(table)" }
    if let column { text += ", column \(column)" }
    text += ")"
    if let hint { text += " hint: \(hint)" }
    return text
  }

  /// Data exceptions (class 22) quote the offending value at their end; it may be somebody's secret.
  private var messageWithoutValues: String {
    guard sqlState.hasPrefix("22"), let quote = message.firstRange(of: ": \"") else { return message }
    return String(message[..<quote.lowerBound])
  }
}
