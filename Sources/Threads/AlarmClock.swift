import Dispatch
import HeapModule

/// Calls functions at their times, all on one thread.
///
/// For waits that are many and short: a task that sleeps costs some 100 µs of processor time on Linux, an alarm a
/// twentieth of that. Most are never due, because what was waited for came first.
public final class AlarmClock: Sendable {
  /// The process's.
  public static let shared = AlarmClock(name: "alarms")

  /// An alarm that has been set.
  public struct Alarm: Sendable, Hashable {
    fileprivate let number: UInt64
  }

  private struct Entry: Comparable {
    let deadline: ContinuousClock.Instant
    let number: UInt64

    static func < (one: Entry, other: Entry) -> Bool {
      (one.deadline, one.number) < (other.deadline, other.number)
    }
  }

  private struct State {
    var lastNumber: UInt64 = 0
    /// What is to be called, without those that were cancelled.
    var calls: [UInt64: @Sendable () -> Void] = [:]
    /// Soonest first, with some that were cancelled.
    var entries = Heap<Entry>()
    /// Until when the thread waits; nil while it is at work, and looks again anyway.
    var wakesAt: ContinuousClock.Instant?
    var hasThread = false
  }

  /// How long the thread waits at the most. The system does not count the time in which a machine was suspended as
  /// waiting, an alarm's clock does.
  private static let longestWait = Duration.seconds(1)

  private let name: String
  private let state = Lock(State())
  private let wake = DispatchSemaphore(value: 0)

  /// - Parameter name: What its thread is called, which starts with the first alarm and stays.
  init(name: String) { self.name = name }

  /// Has `call` called once, at `deadline` or a moment later; it must not block.
  public func set(at deadline: ContinuousClock.Instant, _ call: @escaping @Sendable () -> Void) -> Alarm {
    let (number, isSooner, needsThread) = state.withLock { state in
      state.lastNumber += 1
      state.calls[state.lastNumber] = call
      state.entries.insert(Entry(deadline: deadline, number: state.lastNumber))
      let isSooner = state.wakesAt.map { deadline < $0 } ?? false
      if isSooner { state.wakesAt = deadline }
      defer { state.hasThread = true }
      return (state.lastNumber, isSooner, !state.hasThread)
    }
    if isSooner { wake.signal() }
    if needsThread { BlockingThread.start(name: name) { self.run() } }
    return Alarm(number: number)
  }

  /// Has it called no more, unless that has begun.
  public func cancel(_ alarm: Alarm) {
    // Let go of outside: what it holds may set or cancel alarms as it goes.
    _ = state.withLock { state in
      let call = state.calls.removeValue(forKey: alarm.number)
      // They would stay until their time came, which may be an hour.
      if state.entries.count > 2 * state.calls.count + 64 {
        state.entries = Heap(state.entries.unordered.filter { state.calls[$0.number] != nil })
      }
      return call
    }
  }

  /// How many alarms are kept, with those that were cancelled.
  var keptAlarms: Int { state.withLock { $0.entries.count } }

  private func run() {
    while true {
      let now = ContinuousClock.now
      let (due, wait) = state.withLock { state -> ([@Sendable () -> Void], Duration?) in
        var due: [@Sendable () -> Void] = []
        while let next = state.entries.min, next.deadline <= now {
          state.entries.removeMin()
          if let call = state.calls.removeValue(forKey: next.number) { due.append(call) }
        }
        state.wakesAt = nil
        guard due.isEmpty else { return (due, nil) }
        let wakesAt = min(state.entries.min?.deadline ?? .now + Self.longestWait, now + Self.longestWait)
        state.wakesAt = wakesAt
        return ([], wakesAt - now)
      }
      for call in due { call() }
      if let wait { _ = wake.wait(timeout: .now() + .nanoseconds(Int(wait / .nanoseconds(1)))) }
    }
  }
}
