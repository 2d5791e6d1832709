/// What a statement can be sent through: a connection, a pool, or a transaction in progress.
public protocol PostgresQuerying: Sendable {
  /// Runs one statement and returns all its rows.
  ///
  /// - Parameters:
  ///   - sql: One statement with `$1`, `$2`, … for its parameters. The same text is parsed and planned by the server
  ///     once a connection, so keep values out of it.
  ///   - parameters: The values, in order.
  /// - Throws: ``PostgresError``.
  @discardableResult
  func query(
    _ sql: String, _ parameters: [PostgresValue]
  ) async throws(PostgresError) -> PostgresRows

  /// Whether there is a connection, or the last attempt to open one worked; asks nobody.
  var isReachable: Bool { get }
}

extension PostgresQuerying {
  /// A connection that is open was reachable.
  public var isReachable: Bool { true }

  /// Runs one statement and returns all its rows.
  @discardableResult
  public func query(
    _ sql: String, _ parameters: PostgresValue...
  ) async throws(PostgresError) -> PostgresRows {
    try await query(sql, parameters)
  }
}
