import Synchronization

/// Something that happens once, and that can be waited for.
final class Occurrence<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
    var nextWaiter = 0
  }

  private let state = Mutex(State())

  /// What happened; nil as long as it has not.
  var value: Value? { state.withLock { $0.value } }

  /// It happens; a second time it is no news.
  func happen(_ value: Value) {
    let waiters = state.withLock { state in
      guard state.value == nil else { return [AsyncStream<Void>.Continuation]() }
      state.value = value
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.finish() }
  }

  /// Waits for it.
  /// - Returns: Nil when the time was up before, or the task was cancelled.
  @discardableResult
  func wait(seconds: Double? = nil) async -> Value? {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    let ticket = state.withLock { state -> Int? in
      guard state.value == nil else { return nil }
      state.nextWaiter += 1
      state.waiters[state.nextWaiter] = continuation
      return state.nextWaiter
    }
    guard let ticket else { return value }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in stream {} }
      if let seconds { group.addTask { try? await Task.sleep(for: .seconds(max(0, seconds))) } }
      await group.next()
      group.cancelAll()
    }
    return state.withLock { state in
      state.waiters[ticket] = nil
      return state.value
    }
  }
}

extension Occurrence<Void> {
  func happen() { happen(()) }
}
