import BatonClient
import BatonShared

/// Shows how jobs stand, again and again.
protocol WatchDisplay: Sendable {
  /// How often it wants to be told.
  var interval: Duration { get }
  /// Shows all jobs that are watched, in their order.
  mutating func show(_ jobs: [WatchedJob], at now: Instant)
}

/// Follows jobs until all are finished.
struct JobWatcher: Sendable {
  /// Up to so many jobs are asked for one by one; more are read from the list, a page at a time.
  private static let fewJobs = 40
  private static let parallelRequests = 8

  let client: BatonClient

  /// - Returns: the jobs as they ended, in the order of `ids`.
  /// - Throws: `Problem` for a job that does not exist, `ClientError` when the coordinator is away for too long.
  func watch(_ ids: [JobID], on display: inout any WatchDisplay) async throws -> [JobSnapshot] {
    var known: [JobID: WatchedJob] = [:]
    while true {
      let started = ContinuousClock.now
      let pending = ids.filter { !(known[$0]?.job.status.isFinished ?? false) }
      for job in try await read(pending) {
        var watched = WatchedJob(job: job, attempts: known[job.id]?.attempts ?? [])
        if WatchedJob.needsAttempts(job, before: known[job.id]?.job) {
          watched.attempts = try await client.allAttempts(of: job.id)
        }
        known[job.id] = watched
      }
      let jobs = ids.compactMap { known[$0] }
      display.show(jobs, at: .now)
      if jobs.allSatisfy(\.job.status.isFinished) { return jobs.map(\.job) }
      // However many jobs there are, the coordinator has better things to do most of the time. (Few jobs take long
      // only when it was away; no need to wait even longer then.)
      let cost = ContinuousClock.now - started
      let pause = pending.count > Self.fewJobs ? cost * 4 : min(cost * 4, .seconds(1))
      try await Task.sleep(for: max(display.interval, pause))
    }
  }

  private func read(_ ids: [JobID]) async throws -> [JobSnapshot] {
    var wanted = Set(ids)
    var found: [JobSnapshot] = []
    if wanted.count > Self.fewJobs {
      var cursor: String?
      repeat {
        let page = try await client.send(.jobs(limit: APIRequest<JobPage>.maximumPage, cursor: cursor))
        for job in page.jobs where wanted.remove(job.id) != nil { found.append(job) }
        cursor = page.nextCursor
        // A page without any of them: the rest is far down, and few enough to ask for.
        if wanted.count <= Self.fewJobs || !page.jobs.contains(where: { found.last?.id == $0.id }) { break }
      } while cursor != nil
    }
    return try await found
      + withThrowingTaskGroup { group in
        var rest = wanted.makeIterator()
        for _ in 0..<Self.parallelRequests {
          guard let id = rest.next() else { break }
          group.addTask { try await client.send(.job(id)) }
        }
        var jobs: [JobSnapshot] = []
        while let job = try await group.next() {
          jobs.append(job)
          if let id = rest.next() { group.addTask { try await client.send(.job(id)) } }
        }
        return jobs
      }
  }
}
