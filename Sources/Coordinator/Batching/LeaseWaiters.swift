import BatonShared
import DequeModule
import HeapModule

/// Who waits for leases: the decisions of `LeaseDispatcher`, without its I/O.
///
/// Requests with equal filters form a group. A group is *due* when it may find work: a request has come, or a wake-up.
struct LeaseWaiters {
  typealias ID = Int

  /// One statement: the slots of some waiting requests, in the order in which jobs are given out.
  struct Batch: Sendable {
    struct Slot: Sendable {
      let waiter: ID
      let workerID: String
    }

    let filter: LeaseFilter
    let waiters: [ID]
    let slots: [Slot]
    /// Whether it holds a request that has been in no statement before.
    let hasNew: Bool
  }

  private struct Waiter {
    /// Before, in and after a statement. A request is not sent away before it has been in one.
    enum Stage { case new, inFlight, parked }

    var stage = Stage.new
    var hasDeadline = false
    let arrived: ContinuousClock.Instant
    let workerID: String
    let slots: Int
    let filter: LeaseFilter
    let deadline: ContinuousClock.Instant
  }

  private struct Group {
    /// In the order of arrival; ids of requests that have gone are skipped.
    var order: Deque<ID> = []
    var isDue = false
    var isInFlight = false
    /// Came while the group's statement was in flight, which may have looked too early.
    var isDueAgain = false
  }

  /// The most slots of one statement.
  static let maximumSlots = LeaseRequest.maximumLeases

  /// When somebody's wait is over; those who have gone are skipped.
  private struct Deadline: Comparable {
    let instant: ContinuousClock.Instant
    let id: ID

    static func < (one: Deadline, other: Deadline) -> Bool { one.instant < other.instant }
  }

  private var lastID = 0
  private var deadlines = Heap<Deadline>()
  private var waiters: [ID: Waiter] = [:]
  private var groups: [LeaseFilter: Group] = [:]
  /// Groups that are due, the longest first, so that a busy one does not starve the others.
  private var due: Deque<LeaseFilter> = []

  mutating func nextID() -> ID {
    lastID += 1
    return lastID
  }

  mutating func add(
    _ id: ID, workerID: String, slots: Int, filter: LeaseFilter, deadline: ContinuousClock.Instant,
    arrived: ContinuousClock.Instant = .now
  ) {
    waiters[id] = Waiter(arrived: arrived, workerID: workerID, slots: slots, filter: filter, deadline: deadline)
    groups[filter, default: Group()].order.append(id)
    markDue(filter)
  }

  mutating func wake(_ queues: Set<String>?) {
    for filter in groups.keys where queues.map({ !$0.isDisjoint(with: filter.queues) }) ?? true { markDue(filter) }
  }

  private mutating func markDue(_ filter: LeaseFilter) {
    guard var group = groups[filter] else { return }
    if group.isInFlight {
      group.isDueAgain = true
    } else if !group.isDue {
      group.isDue = true
      due.append(filter)
    }
    groups[filter] = group
  }

  /// Whether there may be a statement to send.
  var mayBeDue: Bool { !due.isEmpty }

  /// The next statement to send, if any group is due. Jobs are spread: each request gets its first before any gets a
  /// second.
  mutating func takeBatch() -> Batch? {
    while let filter = due.popFirst() {
      guard var group = groups[filter], group.isDue, !group.isInFlight else { continue }
      group.isDue = false
      var taken: [(id: ID, waiter: Waiter)] = []
      var slots = 0
      while let id = group.order.first {
        if let waiter = waiters[id] {
          guard taken.isEmpty || slots + waiter.slots <= Self.maximumSlots else { break }
          taken.append((id, waiter))
          waiters[id]?.stage = .inFlight
          slots += waiter.slots
        }
        group.order.removeFirst()
      }
      guard !taken.isEmpty else {
        groups[filter] = nil
        continue
      }
      group.isInFlight = true
      groups[filter] = group
      return Batch(
        filter: filter, waiters: taken.map(\.id), slots: Self.spread(taken),
        hasNew: taken.contains { $0.waiter.stage == .new })
    }
    return nil
  }

  private static func spread(_ taken: [(id: ID, waiter: Waiter)]) -> [Batch.Slot] {
    if taken.count == 1 {
      return Array(
        repeating: Batch.Slot(waiter: taken[0].id, workerID: taken[0].waiter.workerID), count: taken[0].waiter.slots)
    }
    var slots: [Batch.Slot] = []
    var round = 0
    var remaining = taken
    while !remaining.isEmpty {
      for (id, waiter) in remaining { slots.append(Batch.Slot(waiter: id, workerID: waiter.workerID)) }
      round += 1
      remaining.removeAll { $0.waiter.slots <= round }
    }
    return slots
  }

  /// A statement has come back.
  /// - Parameter leftOthers: Whether it left jobs that it had slots for.
  /// - Returns: the requests that go away with nothing, because they do not wait any longer.
  mutating func finish(
    _ batch: Batch, granted: Set<ID>, found: Int, leftOthers: Bool = false, now: ContinuousClock.Instant
  ) -> [ID] {
    var over: [ID] = []
    var stay: [ID] = []
    for id in batch.waiters {
      guard let waiter = waiters[id] else { continue }
      if granted.contains(id) {
        waiters[id] = nil
      } else if leftOthers {
        // There is work for it, and the next statement is its first that could find any.
        waiters[id]?.stage = .new
        stay.append(id)
      } else if waiter.deadline <= now {
        waiters[id] = nil
        over.append(id)
      } else {
        park(id)
        stay.append(id)
      }
    }
    if found > 0, batch.filter.walksSeveralIndexRanges || leftOthers {
      // The statement locked more jobs than it took: others, who skipped the rest, look again.
      for filter in groups.keys
      where filter != batch.filter && !Set(filter.queues).isDisjoint(with: batch.filter.queues) {
        markDue(filter)
      }
    }
    land(batch, returning: stay, again: leftOthers || found == batch.slots.count)
    return over
  }

  /// A statement has failed.
  /// - Returns: the requests that were in it, and have not gone yet.
  mutating func fail(_ batch: Batch) -> [ID] {
    let affected = batch.waiters.filter { waiters.removeValue(forKey: $0) != nil }
    land(batch, returning: [], again: false)
    return affected
  }

  private mutating func land(_ batch: Batch, returning stay: [ID], again: Bool) {
    let filter = batch.filter
    guard var group = groups[filter] else { return }
    group.isInFlight = false
    group.order.prepend(contentsOf: stay)
    // All slots filled, or as many as could be: there may be more work for those who have none.
    var isDue = again || group.isDueAgain
    group.isDueAgain = false
    if !isDue {
      // Nobody goes without having been in a statement, as long as that makes progress: if those who wait fill whole
      // statements and find nothing, there is nothing for those behind them either.
      for id in group.order.reversed() {
        guard let waiter = waiters[id] else { continue }
        guard waiter.stage == .new else { break }
        if batch.hasNew { isDue = true } else { park(id) }
      }
    }
    groups[filter] = group.order.isEmpty ? nil : group
    if isDue { markDue(filter) }
  }

  /// Has it wait, until its deadline at the most.
  private mutating func park(_ id: ID) {
    guard let waiter = waiters[id] else { return }
    waiters[id]?.stage = .parked
    guard !waiter.hasDeadline else { return }
    waiters[id]?.hasDeadline = true
    deadlines.insert(Deadline(instant: waiter.deadline, id: id))
  }

  mutating func remove(_ id: ID) {
    waiters[id] = nil
  }

  mutating func remove(workerID: String) -> [ID] {
    let ids = waiters.filter { $0.value.workerID == workerID }.map(\.key)
    for id in ids { waiters[id] = nil }
    return ids
  }

  func contains(workerID: String) -> Bool { waiters.values.contains { $0.workerID == workerID } }

  mutating func removeAll() -> [ID] {
    defer { waiters = [:] }
    return Array(waiters.keys)
  }

  /// Those that have been in no statement yet, and should have been.
  mutating func removeNew(arrivedBefore start: ContinuousClock.Instant) -> [ID] {
    let overdue = waiters.filter { $0.value.stage == .new && $0.value.arrived < start }.map(\.key)
    for id in overdue { waiters[id] = nil }
    return overdue
  }

  mutating func removeExpired(now: ContinuousClock.Instant) -> [ID] {
    var expired: [ID] = []
    var busy: [ID] = []
    while let first = deadlines.min, first.instant <= now {
      deadlines.removeMin()
      guard let waiter = waiters[first.id] else { continue }
      if waiter.stage == .parked {
        waiters[first.id] = nil
        expired.append(first.id)
      } else {
        busy.append(first.id)
      }
    }
    // They go when their statement comes back, or at the next look.
    for id in busy { deadlines.insert(Deadline(instant: now + .milliseconds(50), id: id)) }
    return expired
  }
}

extension LeaseFilter {
  fileprivate var walksSeveralIndexRanges: Bool { queues.count * capacityType.placements.count > 1 }
}
