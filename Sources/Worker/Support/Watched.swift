import Synchronization

/// A value that tasks can wait on: whoever changes it wakes those whose condition has come true.
///
/// It replaces polling and the unbounded buffer of a stream: only the newest value counts.
final class Watched<Value: Sendable>: Sendable {
  private struct Waiter {
    let condition: @Sendable (Value) -> Bool
    let continuation: CheckedContinuation<Value, any Error>
  }

  private struct State {
    var value: Value
    var nextTicket = 0
    var waiters: [Int: Waiter] = [:]
  }

  private let state: Mutex<State>

  init(_ value: Value) {
    state = Mutex(State(value: value))
  }

  var value: Value { state.withLock { $0.value } }

  /// Changes the value and wakes whoever waited for what it has become.
  @discardableResult
  func update<Result: Sendable>(_ change: (inout Value) -> Result) -> Result {
    let (result, value, woken) = state.withLock { state in
      let result = change(&state.value)
      let ready = state.waiters.filter { $0.value.condition(state.value) }
      for ticket in ready.keys { state.waiters[ticket] = nil }
      return (result, state.value, Array(ready.values))
    }
    for waiter in woken { waiter.continuation.resume(returning: value) }
    return result
  }

  /// Waits until the condition holds; returns at once if it does already.
  /// - Throws: `CancellationError` when the task is cancelled.
  @discardableResult
  func first(where condition: @escaping @Sendable (Value) -> Bool) async throws -> Value {
    let ticket = state.withLock { state in
      state.nextTicket += 1
      return state.nextTicket
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
        let outcome: Result<Value, any Error>? = state.withLock { state in
          // Checked under the lock that the cancellation handler takes: it either finds the waiter or is seen here.
          if Task.isCancelled { return .failure(CancellationError()) }
          if condition(state.value) { return .success(state.value) }
          state.waiters[ticket] = Waiter(condition: condition, continuation: continuation)
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: ticket) }?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Waits until the condition holds, but no longer than until `deadline`.
  /// - Returns: The value, or nil when the deadline came first or the task was cancelled.
  func first(
    before deadline: ContinuousClock.Instant, where condition: @escaping @Sendable (Value) -> Bool
  ) async -> Value? {
    await race(before: deadline) { try await self.first(where: condition) }
  }
}

/// Does `work`, but cancels it at `deadline`.
/// - Returns: What it returned; nil when it threw, or when time was up.
func race<Value: Sendable>(
  before deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () async throws -> Value
) async -> Value? {
  await withTaskGroup(of: Value?.self) { group in
    group.addTask { try? await work() }
    group.addTask {
      try? await Task.sleep(until: deadline, clock: .continuous)
      return nil
    }
    defer { group.cancelAll() }
    return await group.next() ?? nil
  }
}
