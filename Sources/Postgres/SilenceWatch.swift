/// When to look into a connection that does not answer, and when to give it up; no I/O, so that it can be tested as a
/// table.
///
/// Nothing is given up for being slow: only when the server was found twice waiting for a statement that it must
/// have got, with no byte on its way in between.
struct SilenceWatch {
  private let patience: Duration
  private var lookAt: ContinuousClock.Instant
  private var pause: Duration
  private var isLooking = false
  /// Whether something was heard since the look began, whose outcome says nothing then.
  private var heardMeanwhile = false
  /// What was unsent when the server was found idle; nil if it was not.
  private var unsentWhenIdle: Int?

  /// - Parameter patience: How long a silence may be before it is looked into.
  init(patience: Duration, now: ContinuousClock.Instant) {
    self.patience = patience
    pause = patience
    lookAt = now + patience
  }

  /// When to look; nil while somebody does.
  var nextLook: ContinuousClock.Instant? { isLooking ? nil : lookAt }

  /// Bytes have come.
  mutating func heard(at now: ContinuousClock.Instant) {
    heardMeanwhile = true
    pause = patience
    lookAt = now + patience
    unsentWhenIdle = nil
  }

  mutating func lookBegins() {
    isLooking = true
    heardMeanwhile = false
  }

  /// A look has ended.
  /// - Parameter unsent: How many bytes the other side has not acknowledged.
  /// - Returns: Whether the connection is dead.
  mutating func found(
    _ finding: ConnectionProbe.Finding, unsent: Int, at now: ContinuousClock.Instant
  ) -> Bool {
    isLooking = false
    if heardMeanwhile { return false }
    switch finding {
    case .idle:
      // What was on its way may have arrived while the server was asked; and what still moves is not dead.
      if unsentWhenIdle == unsent { return true }
      unsentWhenIdle = unsent
      lookAt = now + patience / 2
    case .working, .unknown:
      unsentWhenIdle = nil
      lookAt = now + pause
      pause = min(pause * 2, patience * 8)
    }
    return false
  }
}
