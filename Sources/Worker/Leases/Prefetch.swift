/// How many leases are worth holding beyond the slots: about as many as jobs ended of late.
///
/// So a lease that waits is begun within about ``horizon`` at the rate so far, and a worker whose jobs take longer than
/// that holds nothing beyond its slots. When a lease has waited in vain all the same, nothing is held for a while.
/// A pure value: it never looks at a clock.
struct Prefetch: Sendable {
  /// The most leases beyond the slots; 0 for none.
  let limit: Int
  /// How long a lease may be expected to wait, in seconds. Jobs that take longer do not count.
  var horizon = 0.25
  /// A lease that has waited for so long is handed back: the jobs before it are not what they were.
  var patience = Duration.seconds(1)
  /// How long nothing is held after that.
  static let pause = Duration.seconds(10)

  /// Jobs that ended since ``windowStart``, and in the window before.
  private var ended = 0
  private var endedBefore = 0
  private var windowStart: ContinuousClock.Instant?
  private var pausedUntil: ContinuousClock.Instant?

  init(limit: Int, horizon: Double = 0.25, patience: Duration = .seconds(1)) {
    self.limit = limit
    self.horizon = horizon
    self.patience = patience
  }

  /// A job has ended.
  mutating func jobEnded(after seconds: Double, at now: ContinuousClock.Instant) {
    guard limit > 0, seconds <= horizon else { return }
    let windows = windowStart.map { (now - $0).inSeconds / horizon } ?? .infinity
    if windows >= 1 {
      endedBefore = windows < 2 ? ended : 0
      ended = 0
      windowStart = now
    }
    ended += 1
  }

  /// Leases have waited in vain.
  mutating func hold(at now: ContinuousClock.Instant) {
    pausedUntil = now + Self.pause
  }

  /// How many leases to hold beyond the slots.
  func wanted(at now: ContinuousClock.Instant) -> Int {
    guard let windowStart, pausedUntil.map({ $0 <= now }) ?? true else { return 0 }
    let windows = (now - windowStart).inSeconds / horizon
    let recent =
      switch windows {
      case ..<1: Double(ended) + Double(endedBefore) * (1 - windows)
      case ..<2: Double(ended) * (2 - windows)
      default: 0.0
      }
    return min(limit, Int(recent))
  }
}
