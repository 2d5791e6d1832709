import BatonShared

/// Counts of jobs and workers. Counting looks at every job, so an answer is kept for ten times as long as it took: at
/// most a tenth of one connection's time goes into counting (more only where a count takes longer than three seconds),
/// and with few jobs the answer is as good as fresh.
struct Census: Sendable {
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

    /// Those with the most jobs that have not ended.
    func busiestQueues(_ count: Int) -> ArraySlice<QueueSnapshot> {
      guard queues.count > count else { return queues[...] }
      func unfinished(_ queue: QueueSnapshot) -> Int { queue.counts[.queued] + queue.counts[.processing] }
      return queues.sorted { unfinished($0) > unfinished($1) }.prefix(count)
    }
  }

  private let answer: SharedAnswer<Counts>

  init(store: JobStore) {
    // A count that was held up, by a lock say, was not dear: what it found must not be told for minutes.
    answer = SharedAnswer(
      keptFor: { min($0 * 10, .seconds(30)) },
      asking: {
        Counts(
          queues: try await store.queues(), workers: try await store.workerCounts(),
          oldestExpiredLeaseSeconds: try await store.oldestExpiredLeaseSeconds())
      })
  }

  func counts() async throws -> Counts { try await answer.value() }
}
