import BatonPostgres
import BatonShared

/// The jobs of one queue and placement: what leasing walks along in one piece.
struct LeaseRange: Sendable, Hashable {
  let queue: String
  let placement: Placement
}

/// A point on the way through a range: higher priorities come before it, and among equals what was due earlier.
struct LeaseFloor: Sendable, Hashable, Comparable {
  var priority: Int
  var runAt: Instant

  /// Before every job that there can be.
  static let beginning = LeaseFloor(priority: 1000, runAt: Instant(microseconds: -62_135_596_800_000_000))

  static func < (one: LeaseFloor, other: LeaseFloor) -> Bool {
    (-one.priority, one.runAt) < (-other.priority, other.runAt)
  }
}

/// Where a job stands among those that are ready.
struct LeasePosition: Sendable, Hashable {
  var range: LeaseRange
  var floor: LeaseFloor

  init(range: LeaseRange, floor: LeaseFloor) {
    self.range = range
    self.floor = floor
  }

  /// From the columns `queue`, `placement`, `priority` (as an integer) and `run_at`, the first of which has this number.
  init(_ row: PostgresRow, at column: Int) throws(PostgresError) {
    range = LeaseRange(
      queue: try row.text(column), placement: Placement(rawValue: try row.text(column + 1)) ?? .any)
    floor = LeaseFloor(
      priority: try row.int(column + 2), runAt: Instant(microseconds: try row.timestamp(column + 3)))
  }
}

extension LeaseFilter {
  /// Everything that leasing has to walk along for this filter.
  var ranges: [LeaseRange] {
    queues.flatMap { queue in capacityType.placements.map { LeaseRange(queue: queue, placement: $0) } }
  }
}
