import BatonPostgres
import Synchronization

/// A database whose answers to leasing statements can be held back: they have been carried out, and nobody knows.
final class GatedDatabase: PostgresQuerying {
  private struct State {
    var isOpen = true
    var held: [CheckedContinuation<Void, Never>] = []
    var slots: [Int] = []
    var failure: PostgresError?
  }

  private let base: PostgresPool
  private let state = Mutex(State())

  init(_ base: PostgresPool) { self.base = base }

  /// How many leasing statements there were.
  var statements: Int { state.withLock { $0.slots.count } }
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

  /// Fails every leasing statement from now on; nil for none.
  func fail(with error: PostgresError?) { state.withLock { $0.failure = error } }

  func query(_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresRows {
    guard sql.contains("insert into attempts") else { return try await base.query(sql, parameters) }
    if let failure = state.withLock({ $0.failure }) { throw failure }
    let rows = try await base.query(sql, parameters)
    state.withLock { $0.slots.append(rows.count) }
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.held.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
    return rows
  }
}
