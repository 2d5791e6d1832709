import Logging

/// Deletes jobs that finished long ago, in batches, so that no transaction is long.
struct JobPruner: PeriodicService {
  let store: JobStore
  let retentionSeconds: Double
  let lifecycle: Lifecycle
  let logger: Logger

  static let batchSize = 1000
  /// Workers that are gone are kept this long for people to see.
  static let workerRetentionSeconds = 86_400.0

  func runOnce() async throws -> Duration {
    let pruned = try await store.pruneJobs(olderThan: retentionSeconds, limit: Self.batchSize)
    if pruned > 0 { logger.debug("pruned finished jobs", metadata: ["count": "\(pruned)"]) }
    if pruned == Self.batchSize { return .milliseconds(100) }
    _ = try await store.pruneWorkers(silentFor: max(Self.workerRetentionSeconds, retentionSeconds))
    return .seconds(min(60, max(1, retentionSeconds / 10)))
  }
}
