import CLibPQ

/// Where the database is, and how long to wait for it.
///
/// Every wait is bounded: left to itself, the client library would sit on a dead socket for a quarter of an hour.
public struct PostgresConfiguration: Sendable {
  /// A libpq connection URL or `key=value` string, handed to libpq as it is: several hosts, `target_session_attrs`,
  /// `sslmode`, service files all work. Empty means libpq's defaults (`PGHOST`, …, else the local socket).
  public var url: String
  /// How long one host may take to accept a connection. libpq counts whole seconds, at least two.
  public var connectTimeout: Duration
  /// After how long the server stops a statement by itself.
  public var statementTimeout: Duration
  /// After how long this side gives up a call, whatever the server does.
  public var queryTimeout: Duration
  /// After how long without a byte of an answer the server is asked, over another connection, whether it still works on
  /// the statement. If it does not, twice in a row, the connection has died; if it does, it may take its time. Zero
  /// switches that off.
  public var silenceLimit: Duration
  /// What the connections are called in `pg_stat_activity`.
  public var applicationName: String
  /// When statements are planned.
  public var planning = Planning.eachTime

  /// When the server plans a statement.
  public enum Planning: Sendable {
    /// For each execution, with its values.
    case eachTime
    /// Once a session, whatever the tables hold: every row is looked up by index, and joins are nested loops in
    /// whichever order the statement dictates. For statements that look up what they are given by key, and no others.
    case onceByIndex
  }

  /// - Parameters:
  ///   - url: A libpq connection URL or `key=value` string; settings in it win over the ones below.
  ///   - connectTimeout: For each host; default 5 s.
  ///   - statementTimeout: Enforced by the server; default 30 s. Zero switches it off.
  ///   - queryTimeout: Enforced here; default 35 s.
  ///   - silenceLimit: Default 2 s.
  ///   - applicationName: Shown in `pg_stat_activity`.
  public init(
    url: String, connectTimeout: Duration = .seconds(5), statementTimeout: Duration = .seconds(30),
    queryTimeout: Duration = .seconds(35), silenceLimit: Duration = .seconds(2), applicationName: String = "baton"
  ) {
    self.url = url
    self.connectTimeout = connectTimeout
    self.statementTimeout = statementTimeout
    self.queryTimeout = queryTimeout
    self.silenceLimit = silenceLimit
    self.applicationName = applicationName
  }

  /// What libpq is given: our defaults, then the URL (which overrides them), then what must hold.
  var parameters: [(keyword: String, value: String)] {
    [
      ("application_name", applicationName),
      ("connect_timeout", String(max(2, connectTimeout.roundedUpSeconds))),
      ("keepalives", "1"),
      ("keepalives_idle", "10"),
      ("keepalives_interval", "5"),
      ("keepalives_count", "3"),
      // Bytes that nobody acknowledges for this long end the connection (milliseconds).
      ("tcp_user_timeout", "15000"),
      ("dbname", url),
      ("client_encoding", "UTF8"),
    ]
  }

  /// Settings of the session, sent right after connecting.
  ///
  /// Not as libpq's `options`: that would replace the URL's own, and some connection poolers refuse it.
  var sessionScript: String {
    var script = ""
    if option("options")?.contains("statement_timeout") != true {
      script += "SET statement_timeout = \(statementTimeout.milliseconds);"
    }
    // A process that is frozen in the middle of a transaction must not hold its locks for ever.
    script += "SET idle_in_transaction_session_timeout = 60000;"
    // Compiling costs more than any statement of ours takes.
    script += "SET jit = off;"
    switch planning {
    case .eachTime:
      // A plan that was made when the tables were empty is kept until they are analysed, and may be ruinous by then: see
      // "plans" in docs/performance.md.
      if option("options")?.contains("plan_cache_mode") != true {
        script += "SET plan_cache_mode = force_custom_plan;"
      }
    case .onceByIndex:
      script += """
        SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
        SET enable_mergejoin = off;
        """
    }
    return script
  }

  /// A mistake that libpq would read in its own way, and complain of in words that contain a part of the password: one
  /// with an `@` or a `/` in it that is not written as `%40` or `%2F`.
  var mistake: String? {
    let port = option("port") ?? ""
    guard option("host")?.contains("@") == true || !port.allSatisfy({ $0.isNumber || $0 == "," }) || hasStrayAt else {
      return nil
    }
    return """
      the connection string is not valid: an '@' or a '/' too many, maybe, which within a password is written as %40 or %2F
      """
  }

  /// Whether an `@` stands behind the first `/` of a URL: libpq has then taken a part of the password for the hosts, and
  /// the rest for the name of the database.
  private var hasStrayAt: Bool {
    guard let scheme = ["postgresql://", "postgres://"].first(where: url.hasPrefix) else { return false }
    var rest = url.dropFirst(scheme.count)
    // What libpq takes for name and password may hold anything but these two.
    if let end = rest.firstIndex(where: { $0 == "@" || $0 == "/" }), rest[end] == "@" {
      rest = rest[rest.index(after: end)...]
    }
    return rest.prefix { $0 != "?" }.drop { $0 != "/" }.contains("@")
  }

  /// The value of one libpq option in the URL.
  private func option(_ keyword: String) -> String? {
    options.first { $0.keyword == keyword }?.value
  }

  /// What the URL says, as libpq reads it; empty if it is not valid.
  private var options: [(keyword: String, value: String)] {
    guard url.contains("=") || url.contains("://") else { return [("dbname", url)] }
    guard let parsed = PQconninfoParse(url, nil) else { return [] }
    defer { PQconninfoFree(parsed) }
    var options: [(keyword: String, value: String)] = []
    var next = parsed
    while let keyword = next.pointee.keyword {
      if let value = next.pointee.val {
        options.append((String(cString: keyword), String(cString: value)))
      }
      next += 1
    }
    return options
  }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Database, host, port and user; never the password.
  public var description: String {
    if mistake != nil { return "PostgreSQL" }
    let shown = ["dbname", "host", "hostaddr", "port", "user", "sslmode", "target_session_attrs"]
    let parts = options.filter { shown.contains($0.keyword) }.map { "\($0.keyword)=\($0.value)" }
    return parts.isEmpty ? "PostgreSQL at its default address" : "PostgreSQL at " + parts.joined(separator: " ")
  }

  public var debugDescription: String { description }

  /// Keeps `dump` and string interpolation of whatever contains this from showing the password.
  public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}

extension Duration {
  var roundedUpSeconds: Int64 {
    let (seconds, attoseconds) = components
    return attoseconds > 0 ? seconds + 1 : seconds
  }

  /// Rounded up, so that a positive duration never becomes zero.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
