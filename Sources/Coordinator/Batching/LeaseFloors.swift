import BatonShared

/// From where on leasing looks for jobs: the low-water mark of each queue and placement, for all who want the same.
///
/// A job that was leased leaves a dead entry in the index that leasing walks along, until vacuum takes it away; and behind
/// a transaction that stays open for long, vacuum takes nothing away. Then a walk from the beginning passes over
/// everything that was leased since. So where such a walk was slow, the next ones begin at the floor: a little before the
/// last job that was found. Whoever puts a job in front of it says so. What others put there (another coordinator, a user
/// with SQL) is found by a *sweep*, which looks below the floors from time to time, beside the leases: none of them waits
/// for it. One sweep is made at a time; where several sorts of workers have floors, each waits for those of the others.
///
/// Those who want the same have one statement at a time. Where nobody has ever found a job there is no floor. There is one
/// for all priorities of a queue: a job of a higher priority takes it back to before all jobs of lower ones.
struct LeaseFloors: Sendable {
  /// A walk from the beginning that takes no longer than this is no burden: there is no need for floors then.
  static let quick = Duration.milliseconds(10)
  /// Between two sweeps there is a pause twenty times as long as one takes, but no longer than this.
  static let longestPause = Duration.seconds(5)
  /// No more than so many have floors at once.
  static let mostFilters = 1000
  /// Jobs become visible in another order than that of their `run_at`, which is the beginning of a transaction.
  static let lagMicroseconds: Int64 = 2_000_000

  /// A look at what lies below some floors.
  struct Sweep: Sendable, Equatable {
    let filter: LeaseFilter
    let floors: [LeaseRange: LeaseFloor]
  }

  /// Those for whom a walk from the beginning is slow.
  private struct Slow {
    var floors: [LeaseRange: LeaseFloor] = [:]
    /// Of the last look from the beginning, which went as far as `upTo`.
    var took: Duration
    var ended: ContinuousClock.Instant
    var upTo: [LeaseRange: LeaseFloor] = [:]
    var isBeingSwept = false
  }

  /// A statement that is under way.
  private struct Walk {
    /// Everybody's, when it was sent.
    let slow: [LeaseFilter: Slow]
    /// Where jobs became ready since, which it may have passed over.
    var ready: [LeaseRange: LeaseFloor] = [:]
  }

  private var slow: [LeaseFilter: Slow] = [:]
  private var walks: [LeaseFilter: Walk] = [:]

  // MARK: Walks

  /// A statement is sent.
  /// - Returns: Where it has to look: from the beginning in ranges that are not named.
  mutating func begin(_ filter: LeaseFilter) -> [LeaseRange: LeaseFloor] {
    walks[filter] = Walk(slow: slow)
    return slow[filter]?.floors ?? [:]
  }

  /// A statement has come back.
  /// - Parameters:
  ///   - found: Where the jobs stood that it found, in the order in which they are leased.
  ///   - isAll: Whether there were no others.
  mutating func finish(
    _ filter: LeaseFilter, found: [LeasePosition], isAll: Bool, took: Duration, now: ContinuousClock.Instant
  ) {
    guard let walk = walks.removeValue(forKey: filter) else { return }
    if walk.slow[filter]?.floors.isEmpty ?? true {
      slow[filter] = nil
      guard took > Self.quick else { return }
      // Beginning anew costs a walk or two from the beginning.
      if slow.count >= Self.mostFilters { slow = [:] }
      slow[filter] = Slow(took: took, ended: now)
    }
    guard var state = slow[filter] else { return }
    var floors: [LeaseRange: LeaseFloor] = [:]
    // The last of each range wins.
    for position in found {
      var floor = position.floor
      floor.runAt = Instant(microseconds: floor.runAt.microseconds - Self.lagMicroseconds)
      floors[position.range] = floor
    }
    // Then there is nothing more up to where anybody had found something when it was sent.
    if isAll { for range in filter.ranges { floors[range] = Self.highest(floors[range], walk.slow, range) } }
    for (range, floor) in floors { state.floors[range] = min(floor, walk.ready[range] ?? floor) }
    if state.upTo.isEmpty { state.upTo = state.floors }
    slow[filter] = state
  }

  /// The highest place up to which somebody has looked, or this.
  private static func highest(
    _ floor: LeaseFloor?, _ slow: [LeaseFilter: Slow], _ range: LeaseRange
  ) -> LeaseFloor? {
    var highest = floor
    for state in slow.values {
      if let floor = state.floors[range] { highest = max(highest ?? floor, floor) }
      if let floor = state.upTo[range] { highest = max(highest ?? floor, floor) }
    }
    return highest
  }

  /// A statement has failed.
  mutating func fail(_ filter: LeaseFilter) { walks[filter] = nil }

  /// Jobs are ready there now.
  mutating func lower(to positions: some Sequence<LeasePosition>) {
    guard !slow.isEmpty || !walks.isEmpty else { return }
    var lowest: [LeaseRange: LeaseFloor] = [:]
    for position in positions { lowest.note(position.range, position.floor) }
    for (range, floor) in lowest {
      for filter in Array(slow.keys) {
        if let known = slow[filter]?.floors[range], floor < known { slow[filter]?.floors[range] = floor }
      }
      for filter in Array(walks.keys) where filter.queues.contains(range.queue) {
        walks[filter]?.ready.note(range, floor)
      }
    }
  }

  // MARK: Sweeps

  /// Whether those who want this are to be swept for now. It is said once, and then again when that sweep is over.
  mutating func isSweepDue(_ filter: LeaseFilter, now: ContinuousClock.Instant) -> Bool {
    guard let state = slow[filter], !state.floors.isEmpty, !state.isBeingSwept,
      now - state.ended >= min(state.took * 20, Self.longestPause)
    else { return false }
    slow[filter]?.isBeingSwept = true
    return true
  }

  /// A sweep begins; nil if it is of no use any more.
  func sweep(_ filter: LeaseFilter) -> Sweep? {
    slow[filter].map { Sweep(filter: filter, floors: $0.floors) }
  }

  /// A sweep is over.
  /// - Parameter isClear: Whether there is no ready job below any of its floors.
  mutating func finish(_ sweep: Sweep, isClear: Bool, took: Duration, now: ContinuousClock.Instant) {
    guard var state = slow[sweep.filter] else { return }
    state.isBeingSwept = false
    state.ended = now
    // Below a floor that had been lowered, or when it ended half-way, being quick says nothing.
    if isClear, state.upTo.allSatisfy({ range, floor in sweep.floors[range].map { $0 >= floor } ?? false }) {
      guard took > Self.quick else {
        slow[sweep.filter] = nil
        return
      }
      state.took = took
      state.upTo = sweep.floors
    }
    slow[sweep.filter] = state
  }
}

extension [LeaseRange: LeaseFloor] {
  /// Remembers the lowest.
  fileprivate mutating func note(_ range: LeaseRange, _ floor: LeaseFloor) {
    self[range] = Swift.min(self[range] ?? floor, floor)
  }
}
