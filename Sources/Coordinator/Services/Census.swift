import BatonShared

/// Counts of jobs and workers. Counting looks at every job, so an answer is kept for ten times as long as it took: at
/// most a tenth of one connection's time goes into counting (more only where a count takes longer than three seconds),
/// and with few jobs the answer is as good as fresh.
actor Census {
  struct Counts: Sendable {
    var queues: [QueueSnapshot]
    var workers: [WorkerState: Int]
    var oldestExpiredLeaseSeconds: Double?

    var jobs: StatusCounts {
      var total = StatusCounts()
      for queue in queues {
        for status in JobStatus.allCases { total[status] += queue.counts[status] }
      }
      return total
    }
  }

  private let store: JobStore
  private var latest: (counts: Counts, until: ContinuousClock.Instant)?
  private var counting: Task<Counts, any Error>?

  init(store: JobStore) {
    self.store = store
  }

  func counts() async throws -> Counts {
    if let latest, ContinuousClock.now < latest.until { return latest.counts }
    if let counting { return try await counting.value }
    // Shared by all who ask meanwhile, so it must not end with the request that happened to come first.
    let task = Task { try await self.count() }
    counting = task
    defer { counting = nil }
    return try await task.value
  }

  private func count() async throws -> Counts {
    let start = ContinuousClock.now
    let counts = Counts(
      queues: try await store.queues(), workers: try await store.workerCounts(),
      oldestExpiredLeaseSeconds: try await store.oldestExpiredLeaseSeconds())
    let end = ContinuousClock.now
    // A count that was held up, by a lock say, was not dear: what it found must not be told for minutes.
    latest = (counts, end + min((end - start) * 10, .seconds(30)))
    return counts
  }
}
