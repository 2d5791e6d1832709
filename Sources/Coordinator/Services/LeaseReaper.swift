import Logging

/// Ends leases that have expired and queues their jobs again. Every coordinator does so; they skip each other's rows.
actor LeaseReaper: PeriodicService {
  nonisolated let logger: Logger
  nonisolated let lifecycle: Lifecycle
  private let store: JobStore
  private let wakes: WorkWaker
  private let metrics: CoordinatorMetrics
  private var grace: OutageGrace
  private var isSparing = false

  static let batchSize = 500
  /// How long it rests between two passes that are quick.
  static let interval: Duration = .milliseconds(500)
  /// And at the most: an expired lease is found within two seconds.
  static let longestRest: Duration = .milliseconds(1500)

  /// A pass reads all open attempts, and behind a long transaction also the traces of those that have ended: then it
  /// takes a fifth of the time, and no more, as long as that is enough.
  static func rest(after took: Duration) -> Duration { max(interval, min(took * 4, longestRest)) }

  /// - Parameter graceAfterOutage: How long leases may still be renewed that expired while nobody could renew them.
  init(
    store: JobStore, wakes: WorkWaker, metrics: CoordinatorMetrics, graceAfterOutage: Duration, lifecycle: Lifecycle,
    logger: Logger
  ) {
    self.store = store
    self.wakes = wakes
    self.metrics = metrics
    grace = OutageGrace(length: graceAfterOutage)
    self.lifecycle = lifecycle
    self.logger = logger
  }

  func runOnce() async throws -> Duration {
    // The database's clock goes on while a connection to it is waited for, and while a statement is on its way to it: from
    // when it has answered it can be said how long ago an outage was, and what comes to it long after that is void.
    let reached = try await store.upkeepTime()
    let now = ContinuousClock.now
    let spared = grace.spared(at: now)
    let outcome = try await store.reap(
      limit: Self.batchSize, sparing: spared, within: OutageGrace.shortestOutage, of: reached)
    let graceLeft = grace.succeeded(at: now, lasting: outcome.lasted)
    if let spared, spared.began != nil, !isSparing {
      logger.info(
        "the database was out of reach: leases that expired meanwhile can be renewed for a moment",
        metadata: ["seconds": "\(grace.length / .seconds(1))"])
    }
    isSparing = spared != nil
    if outcome.lost > 0 {
      metrics.reaped(outcome)
      logger.info("leases expired", metadata: ["count": "\(outcome.lost)"])
      await wakes.wake(outcome.requeued)
    }
    if outcome.lost == Self.batchSize { return .zero }
    // The pass after the grace is not to be late for those that nobody has renewed.
    let rest = Self.rest(after: .now - now)
    return graceLeft.map { min(rest, $0) } ?? rest
  }
}
