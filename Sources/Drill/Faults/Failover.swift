import BatonLocalPostgres

/// The primary dies; the standby, which has every commit that was answered, takes over.
struct Failover: Fault {
  let name = "failover"
  let summary = "the primary stops dead; its synchronous standby is promoted after 2 s"
  let recoveryLimit = 30.0
  let needsStandby = true

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let standby = stage.standby else { return nil }
    let state = try await stage.postgres.run("select sync_state from pg_stat_replication")
    guard state.contains("sync") else { return nil }
    try await stage.postgres.stop(mode: .immediate)
    try await Task.sleep(for: .seconds(2))
    try await standby.run("select pg_promote(true, 30)")
    return "the standby was \(state.trimmed)"
  }
}

extension String {
  fileprivate var trimmed: String { String(drop { $0.isWhitespace }.prefix { !$0.isWhitespace }) }
}
