import BatonPostgres
import Synchronization

/// A database whose answers to leasing statements can be held back: they have been carried out, and nobody knows. So can
/// those to sweeps below a floor, by a gate of their own.
final class GatedDatabase: PostgresQuerying {
  final class Gate: Sendable {
    private struct State {
      var isOpen = true
      var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var heldCount: Int { state.withLock { $0.held.count } }

    func close() { state.withLock { $0.isOpen = false } }

    func open() {
      let held = state.withLock { state in
        state.isOpen = true
        defer { state.held = [] }
        return state.held
      }
      for continuation in held { continuation.resume() }
    }

    fileprivate func pass() async {
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
  private let failure = Mutex<PostgresError?>(nil)

  init(_ base: PostgresPool) { self.base = base }

  /// How many leasing statements there were.
  var statements: Int { slots.withLock { $0.count } }

  /// Fails every leasing statement from now on; nil for none.
  func fail(with error: PostgresError?) { failure.withLock { $0 = error } }

  func query(_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresRows {
    let isLease = sql.contains("insert into attempts")
    if isLease, let failure = failure.withLock({ $0 }) { throw failure }
    let rows = try await base.query(sql, parameters)
    if isLease {
      slots.withLock { $0.append(rows.count) }
      await leases.pass()
    } else if sql.contains("(-priority, run_at) <") {
      await sweeps.pass()
    }
    return rows
  }
}
