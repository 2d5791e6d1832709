import CLibPQ

/// How much a transaction may see of others that run at the same time.
public enum PostgresIsolation: String, Sendable {
  case readCommitted = "READ COMMITTED"
  case repeatableRead = "REPEATABLE READ"
  case serializable = "SERIALIZABLE"
}

/// A transaction in progress; valid until the closure that it was given to returns.
public struct PostgresTransaction: PostgresQuerying {
  let connection: PostgresConnection

  @discardableResult
  public func query(
    _ sql: String, _ parameters: [PostgresValue]
  ) async throws(PostgresError) -> PostgresRows {
    try await connection.query(sql, parameters)
  }

  /// Runs any number of statements without parameters; see ``PostgresConnection/execute(script:timeout:)``.
  public func execute(
    script: String, timeout: Duration? = nil
  ) async throws(PostgresError) {
    try await connection.execute(script: script, timeout: timeout)
  }
}

extension PostgresConnection {
  /// Runs `body` in a transaction: commits when it returns, rolls back when it throws or the task is cancelled.
  ///
  /// - Parameters:
  ///   - isolation: The server's default if nil.
  ///   - body: Statements of other tasks on the same connection would become part of the transaction.
  /// - Throws: What `body` throws, and ``PostgresError``. A connection lost during the commit leaves it open whether the
  ///   transaction took effect.
  @discardableResult
  public nonisolated func transaction<T>(
    isolation: PostgresIsolation? = nil,
    _ body: (PostgresTransaction) async throws -> T
  ) async throws -> T {
    guard try await begin(isolation, onlyIfAlive: false) else { throw PostgresError.connection("not connected") }
    return try await finishTransaction(body)
  }

  /// What comes after BEGIN.
  nonisolated func finishTransaction<T>(
    _ body: (PostgresTransaction) async throws -> T
  ) async throws -> T {
    let value: T
    do {
      value = try await body(PostgresTransaction(connection: self))
    } catch {
      await rollback()
      throw error
    }
    try await commit()
    return value
  }

  /// - Returns: false if `onlyIfAlive` and the connection turns out to be dead before anything was sent.
  func begin(_ isolation: PostgresIsolation?, onlyIfAlive: Bool) async throws(PostgresError) -> Bool {
    let script = isolation.map { "BEGIN ISOLATION LEVEL \($0.rawValue)" } ?? "BEGIN"
    return try await interruptible { connection throws(PostgresError) in
      if onlyIfAlive, !connection.isAlive() { return false }
      try connection.run(script: script, connection.limits)
      return true
    }
  }

  private func commit() throws(PostgresError) {
    if Task.isCancelled {
      rollback()
      throw .cancelled
    }
    // Once the commit is on its way, stopping it would leave its outcome unknown: only the time limit ends it.
    let command = try run(
      script: "COMMIT", Limits(timeout: configuration.queryTimeout, isCancellable: false))
    if command == "ROLLBACK" {
      throw .server(
        PostgresServerError(
          sqlState: "25P02", message: "a statement of the transaction had failed, so it was rolled back"))
    }
  }

  /// Runs in a cancelled task too: the locks must not stay.
  private func rollback() {
    guard condition == .inTransaction else { return }
    do {
      try run(script: "ROLLBACK", Limits(timeout: Self.cancelGrace, isCancellable: false))
    } catch {
      logger.info("could not roll back, closing the connection", metadata: ["error": "\(error)"])
      lose()
    }
  }
}
