import BatonShared

/// From where on leasing looks for jobs: the low-water mark of each queue and placement, for each selection of kinds.
///
/// A job that was leased leaves a dead entry in the index that leasing walks along, until vacuum takes it away; and behind
/// a transaction that stays open for long, vacuum takes nothing away. Then a walk from the beginning passes over
/// everything that was leased since. So where such a walk is slow, the next ones begin at the floor: a little before the
/// last job that was found. Whoever puts a job in front of it says so. What others put there (another coordinator, a user
/// with SQL) is found by a *sweep*, which looks below the floor from time to time, beside the leases: none of them waits
/// for it. Where no job was ever found there is no floor.
struct LeaseFloors: Sendable {
  /// A walk from the beginning that takes no longer than this is no burden: there is no need for floors then.
  static let quick = Duration.milliseconds(10)
  /// The longest pause between two sweeps, however long they take.
  static let longestPause = Duration.seconds(5)
  /// Of more paths than this nothing is remembered: queues may come and go, one a run.
  static let mostPaths = 50_000
  /// Jobs become visible in another order than that of their `run_at`, which is the beginning of a transaction.
  static let lagMicroseconds: Int64 = 2_000_000

  /// What a statement was told, for when it comes back.
  struct Walk: Sendable {
    /// Ranges that are not walked from their beginning.
    var floors: [LeaseRange: LeaseFloor]
    fileprivate var lowerings: Int
  }

  /// A look at what lies below a floor.
  struct Sweep: Sendable, Hashable {
    let range: LeaseRange
    /// Empty for all kinds.
    let kinds: [String]
    let floor: LeaseFloor
  }

  /// One range, as those see it who take certain kinds only: what is in the way of others may be nothing to them.
  private struct Path {
    var floor: LeaseFloor?
    /// The last look from the beginning, if it was not quick.
    var slow: (ended: ContinuousClock.Instant, took: Duration)?
    var isBeingSwept = false
  }

  private var paths: [LeaseRange: [[String]: Path]] = [:]
  private var count = 0
  /// How often a floor was lowered: what a statement finds that was sent before does not raise it again.
  private var lowerings = 0

  /// Where a statement that is sent now has to look.
  func walk(_ filter: LeaseFilter) -> Walk {
    var walk = Walk(floors: [:], lowerings: lowerings)
    for range in filter.ranges {
      guard let path = paths[range]?[filter.kinds], path.slow != nil else { continue }
      walk.floors[range] = path.floor
    }
    return walk
  }

  /// A statement has come back.
  /// - Parameter found: Where the jobs stood that it found, in the order in which they are leased.
  mutating func finish(
    _ walk: Walk, of filter: LeaseFilter, found: [LeasePosition], took: Duration, now: ContinuousClock.Instant
  ) {
    // Beginning anew costs a walk or two from the beginning.
    if count > Self.mostPaths { (paths, count) = ([:], 0) }
    for range in filter.ranges where walk.floors[range] == nil {
      update(range, filter.kinds) { $0.slow = took > Self.quick ? (now, took) : nil }
    }
    guard walk.lowerings == lowerings else { return }
    // The last of each range wins.
    for position in found {
      var floor = position.floor
      floor.runAt = Instant(microseconds: floor.runAt.microseconds - Self.lagMicroseconds)
      update(position.range, filter.kinds) { $0.floor = floor }
    }
  }

  private mutating func update(_ range: LeaseRange, _ kinds: [String], _ change: (inout Path) -> Void) {
    if paths[range]?[kinds] == nil { count += 1 }
    change(&paths[range, default: [:]][kinds, default: Path()])
  }

  /// A job is ready there now.
  mutating func lower(to position: LeasePosition) {
    guard let kinds = paths[position.range] else { return }
    for (kinds, path) in kinds {
      guard let floor = path.floor, position.floor < floor else { continue }
      paths[position.range]?[kinds]?.floor = position.floor
      lowerings += 1
    }
  }

  /// What has to be swept now for those who want this. They take a twentieth of the time.
  mutating func takeDueSweeps(_ filter: LeaseFilter, now: ContinuousClock.Instant) -> [Sweep] {
    var due: [Sweep] = []
    for range in filter.ranges {
      guard let path = paths[range]?[filter.kinds], let floor = path.floor, let slow = path.slow, !path.isBeingSwept,
        now - slow.ended >= min(slow.took * 20, Self.longestPause)
      else { continue }
      paths[range]?[filter.kinds]?.isBeingSwept = true
      due.append(Sweep(range: range, kinds: filter.kinds, floor: floor))
    }
    return due
  }

  /// A sweep has come back.
  /// - Parameter found: The first ready job below the floor, if there is one.
  mutating func finish(_ sweep: Sweep, found: LeaseFloor?, took: Duration, now: ContinuousClock.Instant) {
    guard var path = paths[sweep.range]?[sweep.kinds] else { return }
    path.isBeingSwept = false
    if found == nil {
      path.slow = took > Self.quick ? (now, took) : nil
    } else {
      // It did not come to the floor: how long that takes is not known any better than before.
      path.slow?.ended = now
    }
    paths[sweep.range]?[sweep.kinds] = path
    if let found { lower(to: LeasePosition(range: sweep.range, floor: found)) }
  }

  /// A sweep has come to nothing.
  mutating func fail(_ sweep: Sweep, now: ContinuousClock.Instant) {
    paths[sweep.range]?[sweep.kinds]?.isBeingSwept = false
    paths[sweep.range]?[sweep.kinds]?.slow?.ended = now
  }
}
