import BatonShared

/// From where on leasing looks for jobs: the low-water mark of each queue and placement, for all who want the same.
///
/// A job that was leased leaves a dead entry in the index that leasing walks along, until vacuum takes it away; and behind
/// a transaction that stays open for long, vacuum takes nothing away. Then a walk from the beginning passes over
/// everything that was leased since. So where such a walk was slow, the next ones begin at the floor: a little before the
/// last job that was found. Whoever puts a job in front of it says so. What others put there (another coordinator, a user
/// with SQL) is found by a *sweep*, which looks below the floors from time to time, beside the leases: none of them waits
/// for it.
///
/// Those who want the same have one statement at a time, and one sweep. Where no job was ever found there is no floor.
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
  struct Sweep: Sendable, Hashable {
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
    let floors: [LeaseRange: LeaseFloor]
    /// The highest floors that anybody had when it was sent.
    let highest: [LeaseRange: LeaseFloor]
    /// Where jobs became ready since, which it may have passed over.
    var ready: [LeaseRange: LeaseFloor] = [:]
  }

  private var slow: [LeaseFilter: Slow] = [:]
  private var walks: [LeaseFilter: Walk] = [:]

  // MARK: Walks

  /// A statement is sent.
  /// - Returns: Where it has to look: from the beginning in ranges that are not named.
  mutating func begin(_ filter: LeaseFilter) -> [LeaseRange: LeaseFloor] {
    let floors = slow[filter]?.floors ?? [:]
    walks[filter] = Walk(floors: floors, highest: slow[filter] == nil ? [:] : highest(of: filter.ranges))
    return floors
  }

  private func highest(of ranges: [LeaseRange]) -> [LeaseRange: LeaseFloor] {
    var highest: [LeaseRange: LeaseFloor] = [:]
    for range in ranges {
      highest[range] = slow.values.lazy.flatMap { [$0.floors[range], $0.upTo[range]] }.compactMap(\.self).max()
    }
    return highest
  }

  /// A statement has come back.
  /// - Parameters:
  ///   - found: Where the jobs stood that it found, in the order in which they are leased.
  ///   - isAll: Whether there were no others.
  mutating func finish(
    _ filter: LeaseFilter, found: [LeasePosition], isAll: Bool, took: Duration, now: ContinuousClock.Instant
  ) {
    guard let walk = walks.removeValue(forKey: filter) else { return }
    if walk.floors.isEmpty {
      slow[filter] = nil
      guard took > Self.quick else { return }
      // Beginning anew costs a walk or two from the beginning.
      if slow.count >= Self.mostFilters { slow = [:] }
      slow[filter] = Slow(took: took, ended: now)
    }
    guard var line = slow[filter] else { return }
    var floors: [LeaseRange: LeaseFloor] = [:]
    // The last of each range wins.
    for position in found {
      var floor = position.floor
      floor.runAt = Instant(microseconds: floor.runAt.microseconds - Self.lagMicroseconds)
      floors[position.range] = floor
    }
    // Then there is nothing more up to where others have found something.
    if isAll { floors.merge(walk.highest) { max($0, $1) } }
    floors.merge(walk.ready.filter { floors[$0.key] != nil }) { min($0, $1) }
    line.floors.merge(floors) { $1 }
    if line.upTo.isEmpty { line.upTo = line.floors }
    slow[filter] = line
  }

  /// A statement has failed.
  mutating func fail(_ filter: LeaseFilter) { walks[filter] = nil }

  /// A job is ready there now.
  mutating func lower(to position: LeasePosition) {
    for filter in slow.keys { slow[filter]?.floors.lower(position.range, to: position.floor) }
    for filter in walks.keys where filter.queues.contains(position.range.queue) {
      walks[filter]?.ready.note(position.range, position.floor)
    }
  }

  // MARK: Sweeps

  /// What has to be swept now for those who want this.
  mutating func takeDueSweep(_ filter: LeaseFilter, now: ContinuousClock.Instant) -> Sweep? {
    guard let line = slow[filter], !line.floors.isEmpty, !line.isBeingSwept,
      now - line.ended >= min(line.took * 20, Self.longestPause)
    else { return nil }
    slow[filter]?.isBeingSwept = true
    return Sweep(filter: filter, floors: line.floors)
  }

  /// A sweep has come back.
  /// - Parameter found: In which ranges there is a ready job below the floor, and where the first one stands.
  mutating func finish(
    _ sweep: Sweep, found: [LeaseRange: LeaseFloor], took: Duration, now: ContinuousClock.Instant
  ) {
    guard var line = slow[sweep.filter] else { return }
    line.isBeingSwept = false
    line.ended = now
    // Below a floor that was lowered meanwhile, or when it ended half-way, being quick says nothing.
    if found.isEmpty, line.upTo.allSatisfy({ range, floor in sweep.floors[range].map { $0 >= floor } ?? false }) {
      if took <= Self.quick { return slow[sweep.filter] = nil }
      line.took = took
      line.upTo = sweep.floors
    }
    for (range, floor) in found {
      line.floors.lower(range, to: floor)
      walks[sweep.filter]?.ready.note(range, floor)
    }
    slow[sweep.filter] = line
  }

  /// A sweep has come to nothing.
  mutating func fail(_ sweep: Sweep, now: ContinuousClock.Instant) {
    slow[sweep.filter]?.isBeingSwept = false
    slow[sweep.filter]?.ended = now
  }
}

extension [LeaseRange: LeaseFloor] {
  /// Lowers the floor of a range that has one.
  fileprivate mutating func lower(_ range: LeaseRange, to floor: LeaseFloor) {
    if let known = self[range], floor < known { self[range] = floor }
  }

  /// Remembers the lowest.
  fileprivate mutating func note(_ range: LeaseRange, _ floor: LeaseFloor) {
    self[range] = Swift.min(self[range] ?? floor, floor)
  }
}
