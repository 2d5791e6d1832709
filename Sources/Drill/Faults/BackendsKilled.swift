/// Somebody ends the coordinators' connections, again and again.
struct BackendsKilled: Fault {
  let name = "backends-killed"
  let summary = "every connection of the coordinators ended by the server, once a second for 5 s"

  func inflict(on stage: FaultStage) async throws -> String? {
    var count = 0
    for _ in 0..<5 {
      let killed = try await stage.postgres.run(
        """
        select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '\(FaultStage.databaseUser)'
        """)
      count += Int(killed.filter(\.isNumber)) ?? 0
      try await stage.hold(seconds: 1)
    }
    return count > 0 ? "\(count) back ends" : nil
  }
}
