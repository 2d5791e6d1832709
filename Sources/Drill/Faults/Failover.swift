import BatonLocalPostgres

/// The primary dies; the standby, which has every commit that was answered, takes over.
struct Failover: Fault {
  let name = "failover"
  let summary = "the primary stops dead; its synchronous standby is promoted after 5 s"
  let recoveryLimit = 30.0
  let needsStandby = true

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let standby = stage.standby, try await Self.isSynchronous(stage.postgres) else { return nil }
    try await stage.postgres.stop(mode: .immediate)
    stage.note(.database(isThere: false))
    // Long enough to see what the coordinators say of themselves meanwhile.
    try await Task.sleep(for: .seconds(5))
    stage.note(.database(isThere: true))
    try await standby.run("select pg_promote(true, 30)")
    return "the standby was synchronous"
  }

  /// Whether the one standby of this server has every commit that is answered.
  static func isSynchronous(_ primary: LocalPostgres) async throws -> Bool {
    let states = try await primary.run("select sync_state from pg_stat_replication")
    return isSynchronous(states)
  }

  /// - Parameter states: What `pg_stat_replication` says, a standby a line.
  static func isSynchronous(_ states: String) -> Bool { states.split(whereSeparator: \.isWhitespace) == ["sync"] }
}
