import DequeModule

/// A connection, and which era it was opened in: all connections of an era are dropped together.
struct PoolSlot<Connection: Sendable>: Sendable {
  let connection: Connection
  let era: Int
}

/// Who has which connection, who waits, and what is to be done next; no I/O, so that every rule can be tested as a table.
///
/// Each function changes the state and returns what the pool has to do once it has let go of its lock.
struct PoolState<Connection: Sendable, Waiter: Sendable> {
  typealias Slot = PoolSlot<Connection>

  struct Effects {
    /// Waiters that get an answer.
    var answers: [(waiter: Waiter, result: Result<Slot, PostgresError>)] = []
    /// Connections to let go.
    var discarded: [Connection] = []
    /// How many connections to open.
    var opens = 0
    /// Start the timer that calls ``expire(now:)``.
    var startsTimer = false
    /// The last borrowed connection is back in a pool that closes.
    var isDrained = false
  }

  /// What a connection is worth when it comes back.
  enum Fate {
    case reusable
    case broken
    /// The server became a replica, or a connection died without a word: all those of its era are of no use.
    case outdated
  }

  private struct Waiting {
    let waiter: Waiter
    let deadline: ContinuousClock.Instant
  }

  let size: Int
  let maximumWaiters: Int

  /// The most recently used one is the last, and the next to be used.
  private var idle: [Slot] = []
  private var borrowed = 0
  private var opening = 0
  private var era = 0
  private var waiting: [UInt64: Waiting] = [:]
  /// In the order of arrival; holds the numbers of some that have gone as well.
  private var queue = Deque<UInt64>()
  private var timerRuns = false
  private(set) var isClosing = false
  /// Why the last attempt to connect failed; nil while the server can be reached. While it is set, one opener keeps
  /// trying and nobody else does.
  private(set) var failure: PostgresError?

  init(size: Int, maximumWaiters: Int) {
    self.size = size
    self.maximumWaiters = maximumWaiters
  }

  var isDrained: Bool { borrowed == 0 }
  var waiterCount: Int { waiting.count }
  var openCount: Int { idle.count + borrowed }
}

// MARK: - Callers

extension PoolState {
  /// An idle connection, if there is one. Nobody waits while a connection is idle, so this overtakes nobody.
  mutating func takeIdle() -> Slot? {
    guard !isClosing, let slot = idle.popLast() else { return nil }
    borrowed += 1
    return slot
  }

  /// Lines a caller up for the next connection, or answers it at once.
  mutating func enqueue(_ number: UInt64, _ waiter: Waiter, deadline: ContinuousClock.Instant) -> Effects {
    var effects = Effects()
    if isClosing {
      effects.answers.append((waiter, .failure(.closed)))
    } else if let slot = takeIdle() {
      effects.answers.append((waiter, .success(slot)))
    } else if let failure, openCount == 0 {
      effects.answers.append((waiter, .failure(failure)))
    } else if waiting.count >= maximumWaiters {
      effects.answers.append((waiter, .failure(.poolExhausted)))
    } else {
      waiting[number] = Waiting(waiter: waiter, deadline: deadline)
      queue.append(number)
      effects.opens = openAsNeeded()
      effects.startsTimer = !timerRuns
      timerRuns = true
    }
    return effects
  }

  /// Takes a caller that no longer wants to wait out of the line.
  mutating func cancel(_ number: UInt64) -> Waiter? {
    waiting.removeValue(forKey: number)?.waiter
  }

  /// Answers those who have waited for too long.
  mutating func expire(now: ContinuousClock.Instant) -> Effects {
    var effects = Effects()
    let error: PostgresError =
      openCount == 0 ? .connection("the server has not accepted a connection in time") : .poolExhausted
    while let number = queue.first {
      guard let entry = waiting[number] else {
        queue.removeFirst()
        continue
      }
      if entry.deadline > now { break }
      queue.removeFirst()
      waiting[number] = nil
      effects.answers.append((entry.waiter, .failure(error)))
    }
    return effects
  }

  /// When the first in line has waited for too long; nil ends the timer, as nobody waits.
  mutating func nextDeadline() -> ContinuousClock.Instant? {
    while let number = queue.first {
      if let entry = waiting[number] { return entry.deadline }
      queue.removeFirst()
    }
    timerRuns = false
    return nil
  }

  mutating func release(_ slot: Slot, _ fate: Fate) -> Effects {
    var effects = Effects()
    borrowed -= 1
    if fate == .outdated, slot.era == era {
      era += 1
      effects.discarded = idle.map(\.connection)
      idle.removeAll()
    }
    if isClosing || fate != .reusable || slot.era != era {
      effects.discarded.append(slot.connection)
      if isClosing {
        effects.isDrained = isDrained
      } else if let failure, openCount == 0 {
        effects.answers = failAll(failure)
      } else {
        effects.opens = openAsNeeded()
      }
    } else {
      place(slot, &effects)
    }
    return effects
  }
}

// MARK: - Opening and closing

extension PoolState {
  /// What an opener does after a failed attempt.
  enum NextAttempt {
    case none
    case later
  }

  mutating func opened(_ connection: Connection) -> Effects {
    var effects = Effects()
    opening -= 1
    failure = nil
    if isClosing {
      effects.discarded.append(connection)
    } else {
      place(Slot(connection: connection, era: era), &effects)
      effects.opens = openAsNeeded()
    }
    return effects
  }

  /// - Parameter isRepeated: Whether this opener is the one that keeps trying.
  mutating func openFailed(_ error: PostgresError, isRepeated: Bool) -> (Effects, NextAttempt) {
    var effects = Effects()
    let isFirstToFail = failure == nil
    if isClosing || !(isFirstToFail || isRepeated) {
      opening -= 1
      return (effects, .none)
    }
    failure = error
    if openCount == 0 { effects.answers = failAll(error) }
    return (effects, .later)
  }

  /// Whether the opener that keeps trying should try once more; if not, it is gone.
  mutating func shouldTryAgain() -> Bool {
    // Another opener may have got through meanwhile; then this one is as good as any for those who still wait.
    if !isClosing, failure != nil || !waiting.isEmpty { return true }
    opening -= 1
    return false
  }

  mutating func beginClosing() -> Effects {
    var effects = Effects()
    isClosing = true
    effects.answers = failAll(.closed)
    effects.discarded = idle.map(\.connection)
    effects.isDrained = isDrained
    idle.removeAll()
    return effects
  }

  /// Gives a connection to the first in line, else keeps it.
  private mutating func place(_ slot: Slot, _ effects: inout Effects) {
    while let number = queue.popFirst() {
      guard let entry = waiting.removeValue(forKey: number) else { continue }
      borrowed += 1
      effects.answers.append((entry.waiter, .success(slot)))
      return
    }
    idle.append(slot)
  }

  private mutating func openAsNeeded() -> Int {
    guard failure == nil else { return 0 }
    let count = max(0, min(waiting.count - opening, size - openCount - opening))
    opening += count
    return count
  }

  private mutating func failAll(_ error: PostgresError) -> [(waiter: Waiter, result: Result<Slot, PostgresError>)] {
    var answers: [(waiter: Waiter, result: Result<Slot, PostgresError>)] = []
    for number in queue {
      if let entry = waiting.removeValue(forKey: number) { answers.append((entry.waiter, .failure(error))) }
    }
    queue.removeAll()
    return answers
  }
}
