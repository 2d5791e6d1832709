/// A moment for those who could not renew: leases that expired while this coordinator or the database was away are not
/// ended at once, but may still be renewed or settled.
///
/// Otherwise every job in flight would be lost in the first pass after an outage that was longer than a lease. Leases
/// that expired before the outage were looked at in time, and those that expire after it can be renewed in time: neither
/// gets a grace, so outages that come again and again delay the end of a dead worker's lease once.
struct OutageGrace: Sendable {
  /// Expiries that are left alone, in seconds before now.
  struct Spared: Sendable, Equatable {
    /// When the outage began; nil if it is not known what was before.
    var began: Double?
    var ended: Double
  }

  /// How long workers are given.
  let length: Duration
  /// For how long nothing must have been seen of the database for it to have been away: leases outlive less.
  static let shortestOutage = Duration.seconds(2)
  private var lastContact: ContinuousClock.Instant?
  private var outage: (began: ContinuousClock.Instant?, ended: ContinuousClock.Instant)?

  init(length: Duration) {
    self.length = length
  }

  /// What a pass that begins now leaves alone; nil when it need not look at that.
  mutating func spared(at now: ContinuousClock.Instant) -> Spared? {
    if lastContact.map({ now - $0 > Self.shortestOutage }) ?? true { outage = (lastContact, now) }
    guard let outage, now - outage.ended < length else { return nil }
    return Spared(began: outage.began.map { (now - $0) / .seconds(1) }, ended: (now - outage.ended) / .seconds(1))
  }

  /// The pass that began at this instant was answered by the database.
  mutating func succeeded(at now: ContinuousClock.Instant) { lastContact = now }
}
