import BatonPostgres
import Synchronization

/// A database whose answers to leasing statements can be held back: they have been carried out, and nobody knows. So can
/// those to sweeps below the floors of leasing. Either can be made to fail.
final class GatedDatabase: PostgresQuerying {
  /// What is between a sort of statement and the database.
  final class Gate: Sendable {
    private struct State {
      var isOpen = true
      var held: [CheckedContinuation<Void, Never>] = []
      var failure: PostgresError?
      var failures = 0
    }

    private let state = Mutex(State())

    var heldCount: Int { state.withLock { $0.held.count } }
    /// How many statements have failed.
    var failures: Int { state.withLock { $0.failures } }

    func close() { state.withLock { $0.isOpen = false } }

    func open() {
      let held = state.withLock { state in
        state.isOpen = true
        defer { state.held = [] }
        return state.held
      }
      for continuation in held { continuation.resume() }
    }

    /// Fails every statement from now on; nil for none.
    func fail(with error: PostgresError?) { state.withLock { $0.failure = error } }

    fileprivate func enter() throws(PostgresError) {
      let failure = state.withLock { state in
        if state.failure != nil { state.failures += 1 }
        return state.failure
      }
      if let failure { throw failure }
    }

    fileprivate func leave() async {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          if !state.isOpen { state.held.append(continuation) }
          return state.isOpen
        }
        if isOpen { continuation.resume() }
      }
    }
  }

  let leases = Gate()
  let sweeps = Gate()
  private let base: PostgresPool
  private let slots = Mutex<[Int]>([])

  init(_ base: PostgresPool) { self.base = base }

  /// How many leasing statements have been carried out.
  var statements: Int { slots.withLock { $0.count } }

  func query(_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresRows {
    let isLease = sql.contains("insert into attempts")
    let gate = isLease ? leases : sql.contains("(-priority, run_at) <") ? sweeps : nil
    try gate?.enter()
    let rows = try await base.query(sql, parameters)
    if isLease { slots.withLock { $0.append(rows.count) } }
    await gate?.leave()
    return rows
  }
}
