/// Exponential waits with full jitter, so that a thousand workers do not come back in step.
struct Backoff: Sendable {
  /// The bound of the first wait, in seconds.
  var base = 0.05
  /// The bound that no wait exceeds, in seconds.
  var limit = 5.0
  private(set) var attempts = 0

  init(base: Double = 0.05, limit: Double = 5) {
    self.base = base
    self.limit = limit
  }

  /// The next wait.
  ///
  /// - Parameter floor: What the server asked for (`Retry-After`), in seconds; jitter comes on top of it.
  mutating func next(atLeast floor: Double = 0) -> Duration {
    let bound = min(limit, base * Double(1 << min(attempts, 20)))
    attempts += 1
    return .seconds(floor + Double.random(in: bound * 0.1...bound))
  }

  mutating func reset() { attempts = 0 }
}
