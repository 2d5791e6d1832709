/// A moment for those who could not renew: leases that expired while this coordinator or the database was away are not
/// ended at once, but may still be renewed or settled.
///
/// Otherwise every job in flight would be lost in the first pass after an outage that was longer than a lease. Leases
/// that expired before the outage were looked at in time, and those that expire after it can be renewed in time: neither
/// gets a grace. If another outage begins before the grace is over, the rest of it follows after that; but each outage
/// counts for a second of it, so that outages that come again and again delay the end of a dead worker's lease by little.
struct OutageGrace: Sendable {
  /// Expiries that are left alone, in seconds before now.
  struct Spared: Sendable, Equatable {
    /// When the outage began; nil if it is not known what was before.
    var began: Double?
    var ended: Double
  }

  private struct Outage: Sendable {
    var began: ContinuousClock.Instant?
    var ended: ContinuousClock.Instant
    /// What there was left of the grace at the last contact; all of it if there was none since the outage.
    var left: Duration
  }

  /// How long workers are given.
  let length: Duration
  /// For how long nothing must have been seen of the database for it to have been away: leases outlive less.
  static let shortestOutage = Duration.seconds(2)
  /// What a later outage uses up of the grace after an earlier one.
  static let outageCost = Duration.seconds(1)
  private var lastContact: ContinuousClock.Instant?
  /// Those whose grace is not over, in the order of time.
  private var outages: [Outage] = []

  init(length: Duration) {
    self.length = length
  }

  /// What a pass that begins now leaves alone; nil when it need not look at that. Between two outages that is too much,
  /// for a moment.
  mutating func spared(at now: ContinuousClock.Instant) -> Spared? {
    if lastContact.map({ now - $0 > Self.shortestOutage }) ?? true {
      // The same goes on if no pass has been answered since.
      if let last = outages.last, last.began == lastContact { outages.removeLast() }
      outages.append(Outage(began: lastContact, ended: now, left: length))
    }
    let current = outages.filter { left($0, at: now) > .zero }
    guard let first = current.first, let last = current.last else { return nil }
    return Spared(began: first.began.map { (now - $0) / .seconds(1) }, ended: (now - last.ended) / .seconds(1))
  }

  /// The pass that began at this instant was answered by the database, which was there for as long as it took.
  /// - Returns: When the grace after an outage is over next, from the end of the pass; nil when there is none.
  @discardableResult
  mutating func succeeded(at now: ContinuousClock.Instant, lasting took: Duration = .zero) -> Duration? {
    for index in outages.indices { outages[index].left = left(outages[index], at: now) - took }
    outages.removeAll { $0.left <= .zero }
    lastContact = now + took
    return outages.map(\.left).min()
  }

  private func left(_ outage: Outage, at now: ContinuousClock.Instant) -> Duration {
    guard let lastContact, outage.ended <= lastContact else { return outage.left }
    let silence = now - lastContact
    return outage.left - (silence > Self.shortestOutage ? Self.outageCost : silence)
  }
}
