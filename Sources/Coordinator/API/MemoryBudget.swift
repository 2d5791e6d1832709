import BatonShared
import DequeModule
import Synchronization

/// How many bytes of requests and answers may be in memory at once, so that no number of clients can fill it.
final class MemoryBudget: Sendable {
  private struct Waiter {
    let id: Int
    let bytes: Int
    let grant: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var used = 0
    var lastID = 0
    /// In the order of arrival: a large one at the front holds up those behind it, else it would wait for ever.
    var waiting: Deque<Waiter> = []
  }

  let limit: Int
  private let maximumWaiting: Int
  private let patience: Duration
  private let state = Mutex(State())

  /// - Parameters:
  ///   - maximumWaiting: Beyond so many that wait, others are refused at once.
  ///   - patience: How long one waits before it is refused.
  init(limit: Int, maximumWaiting: Int = 1000, patience: Duration = .seconds(30)) {
    self.limit = limit
    self.maximumWaiting = maximumWaiting
    self.patience = patience
  }

  var used: Int { state.withLock { $0.used } }
  var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// Takes `bytes` if they are free.
  func take(_ bytes: Int) -> Bool {
    state.withLock { state in
      guard state.waiting.isEmpty, state.used + bytes <= limit else { return false }
      state.used += bytes
      return true
    }
  }

  /// Takes `bytes`, be it more than are free.
  func takeAnyway(_ bytes: Int) { state.withLock { $0.used += bytes } }

  /// Takes `bytes` as soon as they are free. More than there will ever be counts as all there is.
  /// - Returns: how many were taken.
  /// - Throws: `Problem` (503) when that takes too long or too many wait; `CancellationError`.
  func takeInTurn(_ bytes: Int) async throws -> Int {
    let bytes = min(bytes, limit)
    if take(bytes) { return bytes }
    let problem = Problem.overloaded("too many checkpoints and logs are being sent at once; try again")
    guard waitingCount < maximumWaiting else { throw problem }
    // Whichever ends second has been cancelled, and says so; only one that was granted its bytes holds any.
    let isGranted = await withTaskGroup(of: Bool.self) { group in
      group.addTask { await self.wait(bytes) }
      group.addTask { [patience] in
        try? await Task.sleep(for: patience)
        return false
      }
      var isGranted = false
      for await result in group {
        isGranted = isGranted || result
        group.cancelAll()
      }
      return isGranted
    }
    if isGranted { return bytes }
    try Task.checkCancellation()
    throw problem
  }

  private func wait(_ bytes: Int) async -> Bool {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { grant in
        state.withLock { $0.waiting.append(Waiter(id: id, bytes: bytes, grant: grant)) }
        // Bytes may have come free, or the task been cancelled, before anybody could find it in the line.
        if Task.isCancelled { forget(id) }
        serve()
      }
    } onCancel: {
      forget(id)
    }
  }

  private func forget(_ id: Int) {
    let forgotten = state.withLock { state in
      state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
    }
    forgotten?.grant.resume(returning: false)
    if forgotten != nil { serve() }
  }

  func giveBack(_ bytes: Int) {
    state.withLock { $0.used -= bytes }
    serve()
  }

  private func serve() {
    let served = state.withLock { state in
      var served: [Waiter] = []
      while let first = state.waiting.first, state.used + first.bytes <= limit {
        state.used += first.bytes
        served.append(state.waiting.removeFirst())
      }
      return served
    }
    for waiter in served { waiter.grant.resume(returning: true) }
  }
}

/// What one request has taken of a budget; given back when it is answered.
final class MemoryShare: Sendable {
  private let budget: MemoryBudget
  private let taken = Mutex(0)

  init(of budget: MemoryBudget) { self.budget = budget }

  deinit { giveBack() }

  /// Makes it `bytes` in all, or refuses.
  /// - Throws: `Problem` (503).
  func grow(to bytes: Int) throws(Problem) {
    let more = taken.withLock { taken in
      defer { taken = max(taken, bytes) }
      return max(0, bytes - taken)
    }
    guard more > 0, !budget.take(more) else { return }
    taken.withLock { $0 -= more }
    throw .overloaded("the coordinator has too much to do at once; try again")
  }

  /// Makes it `bytes` in all, whether they are free or not: what has happened cannot be refused any more.
  func growAnyway(to bytes: Int) {
    let more = taken.withLock { taken in
      defer { taken = max(taken, bytes) }
      return max(0, bytes - taken)
    }
    budget.takeAnyway(more)
  }

  /// Makes it `bytes` in all, once; waits for them in turn.
  func waitFor(_ bytes: Int) async throws {
    let count = try await budget.takeInTurn(bytes)
    taken.withLock { $0 += count }
  }

  func giveBack() {
    let bytes = taken.withLock { taken in
      defer { taken = 0 }
      return taken
    }
    if bytes > 0 { budget.giveBack(bytes) }
  }
}
