import Logging

/// Ends leases that have expired and queues their jobs again. Every coordinator does so; they skip each other's rows.
struct LeaseReaper: PeriodicService {
  let store: JobStore
  let wakes: WorkWaker
  let metrics: CoordinatorMetrics
  let lifecycle: Lifecycle
  let logger: Logger
  /// Expired leases are found within this time.
  let interval: Duration = .milliseconds(500)

  static let batchSize = 500

  func runOnce() async throws -> Duration {
    let outcome = try await store.reap(limit: Self.batchSize)
    if outcome.lost > 0 {
      metrics.reaped(outcome)
      logger.info("leases expired", metadata: ["count": "\(outcome.lost)"])
      await wakes.wake(outcome.requeued)
    }
    return outcome.lost == Self.batchSize ? .zero : interval
  }
}
