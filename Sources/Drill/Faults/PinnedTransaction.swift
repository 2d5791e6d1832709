/// A transaction that sees the database as it was, so that nothing that has died since can be cleaned up.
struct PinnedTransaction: Fault {
  let name = "pinned-transaction"
  let summary = "a transaction that stays open for 15 s and holds back all cleaning up"

  func inflict(on stage: FaultStage) async throws -> String? {
    let seconds = stage.isShort ? 8 : 15
    let text = try await stage.postgres.run(
      """
      begin isolation level repeatable read;
      select count(*) from jobs;
      select pg_sleep(\(seconds));
      commit;
      """, database: "baton")
    let seen = text.split(separator: "\n").first.map(String.init) ?? ""
    return "it saw \(seen) jobs"
  }
}
