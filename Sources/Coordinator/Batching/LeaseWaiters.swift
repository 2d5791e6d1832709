import BatonShared
import DequeModule
import HeapModule

/// Who waits for leases: the decisions of `LeaseDispatcher`, without its I/O.
///
/// Requests with equal filters form a group. A group is *due* when it may find work: a request has come, or a wake-up.
/// A statement is as large as what it may find, however many wait: those who come have all their slots in one; of those
/// who have waited since, the first have as many as jobs are known to have come, with some to spare.
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
    /// How many of `waiters`, at the front, had been in a statement before.
    fileprivate let parkedCount: Int
    /// How many jobs it is to find, by what this coordinator has made ready, and in which queues.
    fileprivate let promised: [String: Int]
  }

  private struct Waiter {
    /// Before, in and after a statement. A request is not sent away before it has been in one.
    enum Stage { case new, inFlight, parked }

    var stage = Stage.new
    var hasDeadline = false
    let arrived: ContinuousClock.Instant
    let workerID: String
    let slots: Int
    let deadline: ContinuousClock.Instant
  }

  /// Requests that want the same. In the order of arrival; ids of requests that have gone are skipped.
  private struct Group {
    /// Those that a statement has found nothing for.
    var parked: Deque<ID> = []
    /// Those that have been in no statement yet. All came after those who are parked.
    var fresh: Deque<ID> = []
    var isDue = false
    var isInFlight = false
    /// Came while the group's statement was in flight, which may have looked too early.
    var isDueAgain = false
    /// How many jobs may be there for those who are parked.
    var expected = 0
    /// Of these, by queue, those that this coordinator has made ready.
    var promised: [String: Int] = [:]

    var isEmpty: Bool { parked.isEmpty && fresh.isEmpty }

    /// Slots for those who are parked: twice what may be there, so that what is found tells whether it was all.
    var room: Int { expected > 0 ? min(max(4, 2 * expected), LeaseWaiters.maximumSlots) : 0 }

    mutating func expect(_ jobs: Int, promisedIn queue: String? = nil) {
      expected = min(expected + jobs, LeaseWaiters.maximumSlots)
      if let queue { promised[queue, default: 0] += jobs }
    }
  }

  /// The most slots of one statement.
  static let maximumSlots = LeaseRequest.maximumLeases
  /// So many jobs there may be, where nobody knows; as long as all are found, the next statement looks for twice as many.
  static let guess = 8

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
  /// Queues in which jobs became ready that those who wait here have not taken: others should be told.
  private(set) var untaken: Set<String> = []

  mutating func nextID() -> ID {
    lastID += 1
    return lastID
  }

  mutating func add(
    _ id: ID, workerID: String, slots: Int, filter: LeaseFilter, deadline: ContinuousClock.Instant,
    arrived: ContinuousClock.Instant = .now
  ) {
    waiters[id] = Waiter(arrived: arrived, workerID: workerID, slots: slots, deadline: deadline)
    groups[filter, default: Group()].fresh.append(id)
    markDue(filter)
  }

  /// There may be work in these queues; nil for any queue.
  mutating func wake(_ queues: Set<String>?) {
    for filter in groups.keys where queues.map({ !$0.isDisjoint(with: filter.queues) }) ?? true {
      groups[filter]?.expect(Self.guess)
      markDue(filter)
    }
  }

  /// So many jobs have become ready in these queues, by this coordinator's doing.
  mutating func wake(_ jobs: [String: Int]) {
    var untaken = Set(jobs.keys)
    for filter in groups.keys {
      let mine = filter.queues.filter { jobs[$0] != nil }
      guard !mine.isEmpty else { continue }
      for queue in mine { groups[filter]?.expect(jobs[queue] ?? 0, promisedIn: queue) }
      untaken.subtract(mine)
      markDue(filter)
    }
    self.untaken.formUnion(untaken)
  }

  mutating func takeUntaken() -> Set<String> {
    defer { untaken = [] }
    return untaken
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

  /// How many requests that have been in no statement yet would be in that one; some may have gone.
  var freshInNext: Int { due.first.flatMap { groups[$0]?.fresh.count } ?? 0 }

  /// The next statement to send, if any group is due. Jobs are spread: each request gets its first before any gets a
  /// second.
  mutating func takeBatch() -> Batch? {
    while let filter = due.popFirst() {
      guard var group = groups[filter], group.isDue, !group.isInFlight else { continue }
      group.isDue = false
      let parked = take(from: &group.parked, mostWaiters: group.room)
      let parkedSlots = min(group.room, parked.reduce(0) { $0 + $1.waiter.slots })
      let fresh = take(from: &group.fresh, mostSlots: Self.maximumSlots - parkedSlots)
      let slots = Self.spread(parked, most: parkedSlots, fresh)
      let promised = group.promised
      group.expected = 0
      group.promised = [:]
      group.isInFlight = !slots.isEmpty
      groups[filter] = group.isEmpty && slots.isEmpty ? nil : group
      guard !slots.isEmpty else {
        // Nobody is there any more.
        untaken.formUnion(promised.keys)
        continue
      }
      return Batch(
        filter: filter, waiters: (parked + fresh).map(\.id), slots: slots, parkedCount: parked.count,
        promised: promised)
    }
    return nil
  }

  /// Those at the front that are still there, and fit.
  private mutating func take(
    from line: inout Deque<ID>, mostWaiters: Int = .max, mostSlots: Int = .max
  ) -> [(id: ID, waiter: Waiter)] {
    var taken: [(id: ID, waiter: Waiter)] = []
    var slots = 0
    while taken.count < mostWaiters, let id = line.first {
      if let waiter = waiters[id] {
        guard waiter.slots <= mostSlots - slots else { break }
        taken.append((id, waiter))
        waiters[id]?.stage = .inFlight
        slots += waiter.slots
      }
      line.removeFirst()
    }
    return taken
  }

  /// - Parameter most: How many slots those who are parked have together.
  private static func spread(
    _ parked: [(id: ID, waiter: Waiter)], most: Int, _ fresh: [(id: ID, waiter: Waiter)]
  ) -> [Batch.Slot] {
    var slots: [Batch.Slot] = []
    var round = 0
    var (parked, fresh, left) = (parked, fresh, most)
    while !parked.isEmpty || !fresh.isEmpty {
      for (id, waiter) in parked.prefix(left) + fresh {
        slots.append(Batch.Slot(waiter: id, workerID: waiter.workerID))
      }
      left -= min(left, parked.count)
      round += 1
      parked.removeAll { left == 0 || $0.waiter.slots <= round }
      fresh.removeAll { $0.waiter.slots <= round }
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
    var stay: (parked: [ID], fresh: [ID], newlyParked: [ID]) = ([], [], [])
    for (position, id) in batch.waiters.enumerated() {
      guard let waiter = waiters[id] else { continue }
      let wasParked = position < batch.parkedCount
      if granted.contains(id) {
        waiters[id] = nil
      } else if leftOthers, !wasParked {
        // There is work for it, and the next statement is its first that could find any.
        waiters[id]?.stage = .new
        stay.fresh.append(id)
      } else if !leftOthers, waiter.deadline <= now {
        waiters[id] = nil
        over.append(id)
      } else {
        park(id)
        if wasParked { stay.parked.append(id) } else { stay.newlyParked.append(id) }
      }
    }
    if found > 0, batch.filter.walksSeveralIndexRanges || leftOthers {
      // The statement locked more jobs than it took: others, who skipped the rest, look again.
      for filter in groups.keys
      where filter != batch.filter && !Set(filter.queues).isDisjoint(with: batch.filter.queues) {
        groups[filter]?.expect(Self.guess)
        markDue(filter)
      }
    }
    // All slots filled, or as many as could be: there may be more work for those who have none.
    let mayBeMore = leftOthers || found == batch.slots.count
    // What was found may have been there before: only if that was all, what was promised is among it.
    if mayBeMore || found < batch.promised.values.reduce(0, +) { untaken.formUnion(batch.promised.keys) }
    if var group = groups[batch.filter] {
      // All who are parked came before those who are not.
      group.parked.prepend(contentsOf: stay.parked)
      group.parked.append(contentsOf: stay.newlyParked)
      group.fresh.prepend(contentsOf: stay.fresh)
      groups[batch.filter] = group
    }
    land(batch, expected: mayBeMore ? max(found, Self.guess) : 0)
    return over
  }

  /// A statement has failed.
  /// - Returns: the requests that were in it, and have not gone yet.
  mutating func fail(_ batch: Batch) -> [ID] {
    let affected = batch.waiters.filter { waiters.removeValue(forKey: $0) != nil }
    untaken.formUnion(batch.promised.keys)
    land(batch, expected: 0)
    return affected
  }

  private mutating func land(_ batch: Batch, expected: Int) {
    let filter = batch.filter
    guard var group = groups[filter] else { return }
    group.isInFlight = false
    group.expect(expected)
    var isDue = expected > 0 || group.isDueAgain
    group.isDueAgain = false
    if !isDue, !group.fresh.isEmpty {
      // Nobody goes without having been in a statement, as long as that makes progress: if those who wait fill whole
      // statements and find nothing, there is nothing for those behind them either.
      if batch.parkedCount < batch.waiters.count {
        isDue = true
      } else {
        for id in group.fresh { park(id) }
        group.parked.append(contentsOf: group.fresh)
        group.fresh = []
      }
    }
    if group.isEmpty { untaken.formUnion(group.promised.keys) }
    groups[filter] = group.isEmpty ? nil : group
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
    for group in groups.values { untaken.formUnion(group.promised.keys) }
    defer { (waiters, groups, due) = ([:], [:], []) }
    return Array(waiters.keys)
  }

  /// Those that have been in no statement yet, and should have been.
  mutating func removeNew(arrivedBefore start: ContinuousClock.Instant) -> [ID] {
    let overdue = groups.values.flatMap { group in
      group.fresh.filter { id in waiters[id].map { $0.stage == .new && $0.arrived < start } ?? false }
    }
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
