import BatonShared

/// From where on leasing looks for jobs: the low-water mark of each queue and placement.
///
/// A job that was leased leaves a dead entry in the index that leasing walks along, until vacuum takes it away; and behind
/// a transaction that stays open for long, vacuum takes nothing away. Then a walk from the beginning passes over
/// everything that was leased since. So the walks begin at the floor: a little before the last job that was found. Whoever
/// puts a job in front of it says so. What others put there (another coordinator, a user with SQL) is found by a *sweep*
/// from the beginning: every walk is one as long as that is quick, and when it is not, sweeps take a twentieth of the
/// time. A range where no job was ever found has no floor.
struct LeaseFloors: Sendable {
  /// A sweep that takes no longer than this is no burden: there is no need for floors then.
  static let quick = Duration.milliseconds(10)
  /// The longest pause between two sweeps, however long they take.
  static let longestPause = Duration.seconds(5)
  /// Of more ranges than this nothing is remembered: queues may come and go, one a run.
  static let mostRanges = 50_000
  /// Jobs become visible in another order than that of their `run_at`, which is the beginning of a transaction.
  static let lagMicroseconds: Int64 = 2_000_000

  /// What a statement was told, for when it comes back.
  struct Walk: Sendable {
    /// Ranges that are not walked from their beginning.
    var floors: [LeaseRange: LeaseFloor]
    fileprivate var lowerings: Int
  }

  private struct Sweep {
    var ended: ContinuousClock.Instant
    var took: Duration
  }

  private var floors: [LeaseRange: LeaseFloor] = [:]
  /// The last sweep of each range that was not quick.
  private var slowSweeps: [LeaseRange: Sweep] = [:]
  /// How often a floor was lowered: what a statement finds that was sent before does not raise it again.
  private var lowerings = 0

  /// Where a statement that is sent now has to look.
  func walk(_ ranges: [LeaseRange], now: ContinuousClock.Instant) -> Walk {
    var walk = Walk(floors: [:], lowerings: lowerings)
    for range in ranges {
      guard let sweep = slowSweeps[range], now - sweep.ended < min(sweep.took * 20, Self.longestPause) else { continue }
      walk.floors[range] = floors[range]
    }
    return walk
  }

  /// A statement has come back.
  /// - Parameter found: Where the jobs stood that it found, in the order in which they are leased.
  mutating func finish(
    _ walk: Walk, of ranges: [LeaseRange], found: [LeasePosition], took: Duration, now: ContinuousClock.Instant
  ) {
    // Beginning anew costs a walk or two from the beginning.
    if max(floors.count, slowSweeps.count) > Self.mostRanges { (floors, slowSweeps) = ([:], [:]) }
    for range in ranges where walk.floors[range] == nil {
      slowSweeps[range] = took > Self.quick ? Sweep(ended: now, took: took) : nil
    }
    guard walk.lowerings == lowerings else { return }
    // The last of each range wins.
    for position in found {
      var floor = position.floor
      floor.runAt = Instant(microseconds: floor.runAt.microseconds - Self.lagMicroseconds)
      floors[position.range] = floor
    }
  }

  /// A job is ready there now.
  mutating func lower(to position: LeasePosition) {
    guard let floor = floors[position.range], position.floor < floor else { return }
    floors[position.range] = position.floor
    lowerings += 1
  }
}
