/// Until when this worker may believe that a lease is still its own.
///
/// The coordinator counts a lease's time from the moment it grants or renews it, which lies somewhere between the
/// request and its answer. Only the moment at which the worker *sent* the request is known to lie before it; so trust
/// counts from there, on a clock that goes on while the machine is suspended, and ends a margin earlier, in which the
/// job can be stopped.
struct LeaseTrust: Sendable, Equatable {
  /// The lease's time to live, in seconds.
  let ttl: Double
  private(set) var trustedUntil: ContinuousClock.Instant
  /// Whether the coordinator has confirmed the lease since it was granted, or granted it just now for certain.
  private(set) var isConfirmed: Bool

  /// How much earlier than the lease itself trust ends, in seconds.
  static func margin(ttl: Double) -> Double { min(max(ttl * 0.15, 0.25), 5, ttl / 4) }

  /// A lease that came with the answer to a request.
  ///
  /// A long poll waits up to a minute, so the grant may be fresh (there was no work until just now) or, if this process
  /// was suspended before it could read the answer, long stale. When counting from the request would leave too
  /// little, a third of the time to live is trusted provisionally, and the caller is to heartbeat at once.
  init(ttl: Double, requestedAt: ContinuousClock.Instant, receivedAt: ContinuousClock.Instant) {
    self.ttl = ttl
    let certain = requestedAt + .seconds(ttl - Self.margin(ttl: ttl))
    let provisional = receivedAt + .seconds(ttl / 3)
    isConfirmed = certain >= provisional
    trustedUntil = max(certain, provisional)
  }

  /// A heartbeat that was sent at `sentAt` was answered with "held".
  mutating func renew(sentAt: ContinuousClock.Instant) {
    let until = sentAt + .seconds(ttl - Self.margin(ttl: ttl))
    // A provisional trust may reach further than what is certain; what is certain wins.
    trustedUntil = isConfirmed ? max(trustedUntil, until) : until
    isConfirmed = true
  }

  func isTrusted(at now: ContinuousClock.Instant) -> Bool { now < trustedUntil }
}
