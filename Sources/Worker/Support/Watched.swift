import BatonThreads

/// A value that tasks can wait on: whoever changes it wakes those whose condition has come true.
///
/// It replaces polling and the unbounded buffer of a stream: only the newest value counts.
final class Watched<Value: Sendable>: Sendable {
  private enum Ending: Sendable {
    case value(Value)
    case timedOut
    case cancelled
  }

  private struct Waiter {
    let ticket: Int
    let condition: @Sendable (Value) -> Bool
    let continuation: CheckedContinuation<Ending, Never>
    /// Ends the wait at its deadline, where it has one.
    var alarm: AlarmClock.Alarm?

    func end(_ ending: Ending) {
      if let alarm { AlarmClock.shared.cancel(alarm) }
      continuation.resume(returning: ending)
    }
  }

  private struct State {
    var value: Value
    var nextTicket = 0
    var waiters: [Waiter] = []
  }

  private let state: Lock<State>

  init(_ value: Value) {
    state = Lock(State(value: value))
  }

  var value: Value { state.withLock { $0.value } }

  /// Changes the value and wakes whoever waited for what it has become.
  @discardableResult
  func update<Result: Sendable>(_ change: (inout Value) -> Result) -> Result {
    let (result, woken, ending) = state.withLock { state -> (Result, [Waiter], Ending) in
      let result = change(&state.value)
      // Most often nobody waits, or not for this; then nothing is copied.
      guard state.waiters.contains(where: { $0.condition(state.value) }) else { return (result, [], .cancelled) }
      let value = state.value
      let woken = state.waiters.filter { $0.condition(value) }
      state.waiters.removeAll { waiter in woken.contains { $0.ticket == waiter.ticket } }
      return (result, woken, .value(value))
    }
    for waiter in woken { waiter.end(ending) }
    return result
  }

  /// Looks at the value without copying all of it.
  func read<Result: Sendable>(_ look: (Value) -> Result) -> Result {
    state.withLock { look($0.value) }
  }

  /// Waits until the condition holds; returns at once if it does already.
  /// - Throws: `CancellationError` when the task is cancelled.
  @discardableResult
  func first(where condition: @escaping @Sendable (Value) -> Bool) async throws -> Value {
    guard case .value(let value) = await wait(until: nil, condition) else { throw CancellationError() }
    return value
  }

  /// Waits until the condition holds, but no longer than until `deadline`.
  /// - Returns: The value, or nil when the deadline came first or the task was cancelled.
  func first(
    before deadline: ContinuousClock.Instant, where condition: @escaping @Sendable (Value) -> Bool
  ) async -> Value? {
    guard case .value(let value) = await wait(until: deadline, condition) else { return nil }
    return value
  }

  private func wait(
    until deadline: ContinuousClock.Instant?, _ condition: @escaping @Sendable (Value) -> Bool
  ) async -> Ending {
    if Task.isCancelled { return .cancelled }
    let (ticket, value) = state.withLock { state -> (Int, Value?) in
      state.nextTicket += 1
      return (state.nextTicket, condition(state.value) ? state.value : nil)
    }
    if let value { return .value(value) }
    if let deadline, deadline <= .now { return .timedOut }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ending: Ending? = state.withLock { state in
          // Checked under the lock that the cancellation handler takes: it either finds the waiter or is seen here.
          if Task.isCancelled { return .cancelled }
          if condition(state.value) { return .value(state.value) }
          state.waiters.append(Waiter(ticket: ticket, condition: condition, continuation: continuation))
          return nil
        }
        if let ending {
          continuation.resume(returning: ending)
        } else if let deadline {
          setAlarm(ticket, at: deadline)
        }
      }
    } onCancel: {
      end(ticket, .cancelled)
    }
  }

  private func setAlarm(_ ticket: Int, at deadline: ContinuousClock.Instant) {
    let alarm = AlarmClock.shared.set(at: deadline) { self.end(ticket, .timedOut) }
    let isWaiting = state.withLock { state in
      guard let index = state.waiters.firstIndex(where: { $0.ticket == ticket }) else { return false }
      state.waiters[index].alarm = alarm
      return true
    }
    if !isWaiting { AlarmClock.shared.cancel(alarm) }
  }

  private func end(_ ticket: Int, _ ending: Ending) {
    let waiter = state.withLock { state in
      state.waiters.firstIndex { $0.ticket == ticket }.map { state.waiters.remove(at: $0) }
    }
    waiter?.end(ending)
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
