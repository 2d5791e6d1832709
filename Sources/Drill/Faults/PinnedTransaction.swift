/// A transaction that sees the database as it was, so that nothing that has died since can be cleaned up.
struct PinnedTransaction: Fault {
  /// What happens while it is open; nothing but some seconds' time if nil.
  var meanwhile: (@Sendable () async throws -> Void)?
  let name = "pinned-transaction"
  let summary = "a transaction stays open, with a number and a view of its own, and holds back all cleaning up"
  let endurance = Endurance.holdsRate
  let sparesCoordinators = true

  func inflict(on stage: FaultStage) async throws -> String? {
    let transaction = LongTransaction(fleet: stage.fleet, note: stage.note)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await transaction.keep() }
      defer { transaction.end() }
      guard let view = await transaction.firstView.wait(seconds: 20) else {
        throw DrillFailure("no transaction could be opened" + (transaction.reason.map { ": \($0)" } ?? ""))
      }
      if let meanwhile { try await meanwhile() } else { try await stage.hold(seconds: 15) }
      let opened = transaction.opened
      return "it began at \(view) jobs" + (opened > 1 ? "; opened \(opened) times, as PostgreSQL was restarted" : "")
    }
  }
}
