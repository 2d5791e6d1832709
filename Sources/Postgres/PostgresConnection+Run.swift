import CLibPQ

// Everything here runs on the connection's thread and blocks it.
extension PostgresConnection {
  /// Runs a statement as a prepared one, preparing it on its first use.
  func run(
    _ sql: String, _ parameters: [PostgresValue], _ limits: Limits
  ) throws(PostgresError) -> PostgresRows {
    defer { publishCondition() }
    let exchange = Exchange(try openHandle(), wake: wake, limits, probe: probe)
    let wasIdle = exchange.handle.isIdle
    let key = StatementKey(sql: sql, types: parameters.map(\.type))
    if let name = statements.name(of: key) {
      do {
        return PostgresRows(storage: try exchange.execute(name, parameters))
      } catch {
        // A table was altered under the plan, or somebody discarded the prepared statements. Nothing has run.
        guard error.sqlState == "0A000" || error.sqlState == "26000" else { throw error }
        statements.remove(key)
        guard wasIdle else { throw error }
        if error.sqlState == "0A000" { _ = try exchange.run(script: "DEALLOCATE \(name)") }
      }
    }
    let name = try prepare(key, exchange)
    return PostgresRows(storage: try exchange.execute(name, parameters))
  }

  /// Prepares a statement; returns its name, which is empty for one that is not kept.
  private func prepare(_ key: StatementKey, _ exchange: Exchange) throws(PostgresError) -> String {
    if statements.isFull {
      // Some caller builds its statements from values. Begin anew rather than fill the server's memory.
      guard exchange.handle.isIdle else {
        try exchange.prepare("", key)
        return ""
      }
      _ = try exchange.run(script: "DEALLOCATE ALL")
      statements.removeAll()
    }
    let name = statements.newName()
    try exchange.prepare(name, key)
    statements.insert(key, name: name)
    return name
  }

  /// Runs a script of statements; returns the last one's command tag.
  @discardableResult
  func run(script: String, _ limits: Limits) throws(PostgresError) -> String {
    defer { publishCondition() }
    return try Exchange(try openHandle(), wake: wake, limits, probe: probe).run(script: script)
  }

  /// Whether the connection, idle so far, still is one: reads what has come in, such as the server's farewell.
  func isAlive() -> Bool {
    guard let handle else { return false }
    for _ in 0..<4 where !handle.isLost {
      guard Readiness.isReadable(handle.socket) else { return true }
      if PQconsumeInput(handle.pointer) == 0 { break }
      _ = PQisBusy(handle.pointer)
    }
    // Still readable after several reads: notices pile up, or the end of the stream.
    if !handle.isLost, !Readiness.isReadable(handle.socket) { return true }
    lose()
    return false
  }
}
