/// The database accepts no more connections, and those that there were have gone.
struct ConnectionsExhausted: Fault {
  let name = "connections-exhausted"
  let summary = "no connection to be had for 8 s (53300), and those that there were are ended"

  func inflict(on stage: FaultStage) async throws -> String? {
    let user = FaultStage.databaseUser
    // The answer is that of a full server: 'too many connections'.
    try await stage.postgres.run("alter role \(user) connection limit 0")
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '\(user)'"
    let outcome: Result<String?, any Error>
    do {
      let killed = try await stage.postgres.run(end)
      try await stage.hold(seconds: 8)
      let left = try await stage.postgres.run("select count(*) from pg_stat_activity where usename = '\(user)'")
      let isEmpty = Int(left.filter(\.isNumber)) == 0
      outcome = .success(isEmpty ? "\(killed.filter(\.isNumber)) back ends ended, none came back" : nil)
    } catch {
      outcome = .failure(error)
    }
    try await stage.postgres.run("alter role \(user) connection limit -1")
    return try outcome.get()
  }
}
