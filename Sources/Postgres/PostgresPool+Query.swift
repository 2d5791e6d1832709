extension PostgresPool {
  /// Runs one statement on a connection of the pool.
  ///
  /// A connection that is found dead before the statement was sent is replaced without the caller noticing. A statement
  /// that was sent is never sent again.
  @discardableResult
  public func query(
    _ sql: String, _ parameters: [PostgresValue]
  ) async throws(PostgresError) -> PostgresRows {
    // After a restart of the server every idle connection is dead.
    for _ in 0...size {
      let slot = try await acquire()
      do throws(PostgresError) {
        let rows = try await slot.connection.queryIfAlive(sql, parameters)
        release(slot)
        if let rows { return rows }
      } catch {
        release(slot, after: error)
        throw error
      }
    }
    throw .connection("the server closes every connection")
  }

  /// Lends a connection for as long as `body` runs.
  ///
  /// - Parameter body: Must leave no transaction open, and no session state behind.
  /// - Throws: What `body` throws, and ``PostgresError``.
  @discardableResult
  public func withConnection<T>(
    _ body: (PostgresConnection) async throws -> T
  ) async throws -> T {
    try await lend { connection throws(PostgresError) in
      try await connection.checkAlive()
    } to: { connection in
      try await body(connection)
    }
  }

  /// Runs `body` in a transaction: commits when it returns, rolls back when it throws or the task is cancelled.
  ///
  /// - Parameters:
  ///   - isolation: The server's default if nil.
  ///   - body: Send statements through the transaction it is given; the pool itself would use another connection.
  /// - Throws: What `body` throws, and ``PostgresError``. A connection lost during the commit leaves it open whether the
  ///   transaction took effect.
  @discardableResult
  public func transaction<T>(
    isolation: PostgresIsolation? = nil,
    _ body: (PostgresTransaction) async throws -> T
  ) async throws -> T {
    try await lend { connection throws(PostgresError) in
      try await connection.begin(isolation, onlyIfAlive: true)
    } to: { connection in
      try await connection.finishTransaction(body)
    }
  }

  /// Whether the database answers.
  ///
  /// - Throws: ``PostgresError``, why it does not.
  public func ping() async throws(PostgresError) {
    try await query("SELECT 1", [])
  }

  /// - Parameter begin: Returns false if the connection is dead and nothing was sent.
  private func lend<T>(
    _ begin: (PostgresConnection) async throws(PostgresError) -> Bool,
    to body: (PostgresConnection) async throws -> T
  ) async throws -> T {
    for _ in 0...size {
      let slot = try await acquire()
      do {
        if try await begin(slot.connection) {
          let value = try await body(slot.connection)
          release(slot)
          return value
        }
        release(slot)
      } catch {
        release(slot, after: error)
        throw error
      }
    }
    throw PostgresError.connection("the server closes every connection")
  }
}

extension PostgresConnection {
  /// ``isAlive()`` for callers elsewhere.
  func checkAlive() async throws(PostgresError) -> Bool {
    try await interruptible { connection throws(PostgresError) in connection.isAlive() }
  }
}
