import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// Every way in which an attempt can end, and what becomes of its job.
@Suite(.serialized) struct StateMachineTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var outcome: SettleOutcome
    var retryable = true
    /// Before this attempt.
    var failures = 0
    var maxAttempts = 3
    var cancelRequested = false
    var delay: Double?

    var status: JobStatus
    var failuresAfter = 0
    var interruptionsAfter = 0
    /// Seconds until it may run again; nil when it is not queued.
    var wait: ClosedRange<Double>?
    var errorCode: String?

    var testDescription: String {
      "\(outcome)\(retryable ? "" : " for good")\(cancelRequested ? " while cancelling" : "") after \(failures) of \(maxAttempts) failures"
        + (delay.map { ", delay \($0)" } ?? "")
    }
  }

  static let rows: [Row] = [
    Row(outcome: .done, status: .done),
    Row(outcome: .done, failures: 2, status: .done, failuresAfter: 2),
    // The work is finished; that somebody wanted it cancelled does not undo it.
    Row(outcome: .done, cancelRequested: true, status: .done),
    Row(outcome: .failed, status: .queued, failuresAfter: 1, wait: 0.9...1.1, errorCode: "boom"),
    Row(outcome: .failed, failures: 1, status: .queued, failuresAfter: 2, wait: 1.8...2.2, errorCode: "boom"),
    Row(outcome: .failed, failures: 2, status: .failed, failuresAfter: 3, errorCode: "boom"),
    Row(outcome: .failed, maxAttempts: 1, status: .failed, failuresAfter: 1, errorCode: "boom"),
    Row(outcome: .failed, delay: 0, status: .queued, failuresAfter: 1, wait: 0...0, errorCode: "boom"),
    Row(outcome: .failed, delay: 100, status: .queued, failuresAfter: 1, wait: 100...100, errorCode: "boom"),
    Row(outcome: .failed, retryable: false, status: .failed, failuresAfter: 1, errorCode: "boom"),
    Row(outcome: .failed, cancelRequested: true, status: .cancelled, failuresAfter: 1, errorCode: "boom"),
    Row(
      outcome: .failed, retryable: false, failures: 2, cancelRequested: true, status: .cancelled, failuresAfter: 3,
      errorCode: "boom"),
    Row(outcome: .timedOut, status: .queued, failuresAfter: 1, wait: 0.9...1.1, errorCode: "boom"),
    Row(outcome: .timedOut, failures: 2, status: .failed, failuresAfter: 3, errorCode: "boom"),
    Row(outcome: .timedOut, retryable: false, status: .failed, failuresAfter: 1, errorCode: "boom"),
    Row(outcome: .timedOut, cancelRequested: true, status: .cancelled, failuresAfter: 1, errorCode: "boom"),
    Row(outcome: .interrupted, status: .queued, interruptionsAfter: 1, wait: 0...0),
    // An interruption never waits for backoff, and never uses up the budget.
    Row(
      outcome: .interrupted, failures: 2, delay: 50, status: .queued, failuresAfter: 2, interruptionsAfter: 1,
      wait: 0...0),
    Row(outcome: .interrupted, retryable: false, status: .queued, interruptionsAfter: 1, wait: 0...0),
    Row(outcome: .interrupted, cancelRequested: true, status: .cancelled, interruptionsAfter: 1),
    Row(outcome: .released, status: .queued, wait: 0...0),
    Row(outcome: .released, failures: 2, status: .queued, failuresAfter: 2, wait: 0...0),
    Row(outcome: .released, delay: 30, status: .queued, wait: 30...30),
    Row(outcome: .released, cancelRequested: true, status: .cancelled),
    Row(outcome: .cancelled, status: .cancelled),
    Row(outcome: .cancelled, cancelRequested: true, status: .cancelled),
  ]

  @Test func eachOutcomeLeadsWhereTheTableSays() async throws {
    try await StoreFixture.run { fixture async throws in
      for row in Self.rows {
        let id = try await fixture.enqueue { $0.maxAttempts = row.maxAttempts }
        try await fixture.pool.query(
          "update jobs set failures = $2 where id = $1", .uuid(id.uuid), .int4(Int32(row.failures)))
        let lease = try await fixture.leaseOne()
        #expect(lease.jobID == id, "\(row.testDescription): a job of an earlier row was still there")
        if row.cancelRequested { _ = try await fixture.store.cancel(id) }
        let submitted = try await fixture.job(id).runAt
        let outcome = try await fixture.store.settle([
          Settlement(
            leaseID: lease.leaseID, outcome: row.outcome, result: RawJSON(trusted: Array("[1.0]".utf8)),
            error: JobFailure(code: "boom", message: "it broke"), retryable: row.retryable, reason: "because",
            delaySeconds: row.delay)
        ])
        let job = try await fixture.job(id)
        let comment = Comment(rawValue: row.testDescription)
        #expect(outcome.statuses == [.accepted], comment)
        #expect(job.status == row.status, comment)
        #expect(job.failures == row.failuresAfter, comment)
        #expect(job.interruptions == row.interruptionsAfter, comment)
        #expect(job.losses == 0, comment)
        #expect(job.error?.code == row.errorCode, comment)
        #expect((job.finishedAt != nil) == row.status.isFinished, comment)
        #expect(job.result?.description == (row.status == .done ? "[1.0]" : nil), comment)
        let scheduled = try await fixture.count("select from jobs where id = $1 and scheduled", .uuid(id.uuid)) == 1
        if let wait = row.wait {
          #expect(outcome.requeued.count == 1, comment)
          #expect(wait.contains(outcome.requeued.first?.dueInSeconds ?? -1), comment)
          #expect(scheduled == (wait.upperBound > 0), comment)
          // Handed back without a delay it keeps its place, ahead of newer work.
          #expect((job.runAt == submitted) == (wait.upperBound == 0), comment)
        } else {
          #expect(outcome.requeued.isEmpty && !scheduled, comment)
        }
        let attempts = try #require(try await fixture.store.attempts(of: id))
        #expect(attempts.map(\.outcome?.rawValue) == [row.outcome.rawValue], comment)
        #expect(attempts.first?.reason == "because", comment)
        // Out of the way of the next row.
        try await fixture.pool.query("delete from jobs where id = $1", .uuid(id.uuid))
      }
    }
  }

  struct LossRow: Sendable {
    var losses: Int
    var maxLosses: Int
    var cancelRequested: Bool
    var status: JobStatus
    var errorCode: String?
  }

  @Test func aLossLeadsWhereTheTableSays() async throws {
    let rows = [
      LossRow(losses: 0, maxLosses: 2, cancelRequested: false, status: .queued),
      LossRow(losses: 1, maxLosses: 2, cancelRequested: false, status: .failed, errorCode: "worker_lost"),
      LossRow(losses: 0, maxLosses: 1, cancelRequested: false, status: .failed, errorCode: "worker_lost"),
      LossRow(losses: 0, maxLosses: 2, cancelRequested: true, status: .cancelled),
      LossRow(losses: 1, maxLosses: 2, cancelRequested: true, status: .cancelled),
    ]
    try await StoreFixture.run { fixture async throws in
      for row in rows {
        let id = try await fixture.enqueue { $0.maxLosses = row.maxLosses }
        try await fixture.pool.query(
          "update jobs set losses = $2 where id = $1", .uuid(id.uuid), .int4(Int32(row.losses)))
        let lease = try await fixture.leaseOne()
        if row.cancelRequested { _ = try await fixture.store.cancel(id) }
        try await fixture.expire(lease.leaseID)
        let outcome = try await fixture.store.reap(limit: 10)
        let job = try await fixture.job(id)
        let comment = Comment(rawValue: "\(row)")
        #expect(outcome.lost == 1, comment)
        #expect(
          outcome.requeued.map(\.queue) == (row.status == .queued ? ["default"] : [])
            && outcome.requeued.allSatisfy { $0.dueInSeconds == 0 }, comment)
        #expect(job.status == row.status, comment)
        #expect(job.losses == row.losses + 1, comment)
        #expect(job.failures == 0, comment)
        #expect(job.error?.code == row.errorCode, comment)
        #expect(try await fixture.store.attempts(of: id)?.first?.outcome == .lost, comment)
        try await fixture.pool.query("delete from jobs where id = $1", .uuid(id.uuid))
      }
    }
  }

  @Test func cancelAndRetryDoWhatTheStatusAllows() async throws {
    try await StoreFixture.run { fixture async throws in
      let unknown = JobIDGenerator().next()
      guard case .notFound = try await fixture.store.cancel(unknown) else { throw Unexpected("cancelled nothing") }
      guard case .notFound = try await fixture.store.retry(unknown, discardCheckpoint: false) else {
        throw Unexpected("retried nothing")
      }
      // Queued: at once, also while it waits for its time.
      for start in [JobSubmission.Start.now, .after(1000)] {
        let id = try await fixture.enqueue { $0.start = start }
        guard case .refused(.queued) = try await fixture.store.retry(id, discardCheckpoint: false) else {
          throw Unexpected("retried a queued job")
        }
        guard case .changed(nil) = try await fixture.store.cancel(id) else { throw Unexpected("not cancelled") }
        let job = try await fixture.job(id)
        #expect(job.status == .cancelled && job.finishedAt != nil)
        #expect(try await fixture.lease().isEmpty)
        guard case .refused(.cancelled) = try await fixture.store.cancel(id) else {
          throw Unexpected("cancelled twice")
        }
        try await fixture.pool.query("delete from jobs where id = $1", .uuid(id.uuid))
      }
      // Processing: asked for, and asked for again without harm.
      let id = try await fixture.enqueue { $0.maxAttempts = 1 }
      let lease = try await fixture.leaseOne()
      for _ in 0..<2 {
        guard case .changed(nil) = try await fixture.store.cancel(id) else { throw Unexpected("not asked") }
        #expect(try await fixture.job(id).status == .processing)
      }
      guard case .refused(.processing) = try await fixture.store.retry(id, discardCheckpoint: false) else {
        throw Unexpected("retried a processing job")
      }
      #expect(try await fixture.store.renew([.init(leaseID: lease.leaseID)], ttlSeconds: 30) == [.cancel])
      _ = try await fixture.store.saveCheckpoint([1, 2], contentType: "a/b", lease: lease.leaseID)
      try await fixture.settle(lease.leaseID, .cancelled)
      #expect(try await fixture.job(id).status == .cancelled)
      // Retried: fresh budgets, the checkpoint kept, and at once ready.
      guard case .changed(let requeued) = try await fixture.store.retry(id, discardCheckpoint: false) else {
        throw Unexpected("not retried")
      }
      #expect(requeued?.queue == "default" && requeued?.dueInSeconds == 0)
      let again = try await fixture.leaseOne()
      #expect(again.jobID == id && again.attempt == 2 && again.checkpoint?.sequence == 1)
      #expect(try await fixture.store.renew([.init(leaseID: again.leaseID)], ttlSeconds: 30) == [.held])
      try await fixture.settle(again.leaseID, .failed)
      let failed = try await fixture.job(id)
      #expect(failed.status == .failed && failed.error?.code == "failed")
      guard case .changed = try await fixture.store.retry(id, discardCheckpoint: true) else {
        throw Unexpected("not retried")
      }
      let fresh = try await fixture.job(id)
      #expect(fresh.status == .queued && fresh.failures == 0 && fresh.losses == 0 && fresh.error == nil)
      #expect(fresh.checkpoint == nil && fresh.finishedAt == nil)
      let last = try await fixture.leaseOne()
      #expect(last.attempt == 3 && last.checkpoint == nil)
      try await fixture.settle(last.leaseID, .done)
      guard case .refused(.done) = try await fixture.store.retry(id, discardCheckpoint: false) else {
        throw Unexpected("retried a done job")
      }
      guard case .refused(.done) = try await fixture.store.cancel(id) else { throw Unexpected("cancelled a done job") }
    }
  }

  /// The one who settles has read the job before the one who cancels writes it; neither may undo the other's word.
  @Test func aCancelThatComesWhileASettleIsUnderWayIsHeeded() async throws {
    try await StoreFixture.run { fixture async throws in
      for outcome in [SettleOutcome.released, .failed, .interrupted] {
        let id = try await fixture.enqueue()
        let lease = try await fixture.leaseOne()
        // A transaction of somebody with psql holds the job's row; the settle has to wait for it.
        let holder = try await fixture.database.connect()
        try await holder.execute(script: "begin")
        try await holder.query(
          "update jobs set cancel_requested_at = now() where id = $1", .uuid(id.uuid))
        async let status = fixture.settle(lease.leaseID, outcome)
        try await fixture.waitUntilSomebodyWaitsForALock()
        try await holder.execute(script: "commit")
        #expect(try await status == .accepted)
        #expect(try await fixture.job(id).status == .cancelled, "\(outcome)")
        await holder.close()
      }
    }
  }

  @Test func aCancelThatComesWhileTheReaperIsUnderWayIsHeeded() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne()
      try await fixture.expire(lease.leaseID)
      let holder = try await fixture.database.connect()
      try await holder.execute(script: "begin")
      try await holder.query("update jobs set cancel_requested_at = now() where id = $1", .uuid(id.uuid))
      async let outcome = fixture.store.reap(limit: 10)
      try await fixture.waitUntilSomebodyWaitsForALock()
      try await holder.execute(script: "commit")
      #expect(try await outcome.lost == 1)
      #expect(try await fixture.job(id).status == .cancelled)
      await holder.close()
    }
  }

  /// Somebody's statement has changed the job and is about to be committed when another's looks at it.
  @Test func whoeverComesSecondSeesWhatTheFirstHasDone() async throws {
    try await StoreFixture.run { fixture async throws in
      let holder = try await fixture.database.connect()
      let first = JobStore(database: holder, sender: "first")
      func second<Value: Sendable>(
        after change: () async throws -> Void, then operation: @Sendable @escaping () async throws -> Value
      ) async throws -> Value {
        try await holder.execute(script: "begin")
        try await change()
        async let value = operation()
        try await fixture.waitUntilSomebodyWaitsForALock()
        try await holder.execute(script: "commit")
        return try await value
      }

      let id = try await fixture.enqueue { $0.maxAttempts = 1 }
      var lease = LeaseID()
      let leased = try await second {
        let filter = LeaseFilter(queues: ["default"], kinds: [], capacityType: .unknown)
        lease = try #require(try await first.lease(filter, to: ["w"], ttlSeconds: 300).first).grant.leaseID
      } then: {
        try await fixture.store.cancel(id)
      }
      guard case .changed(nil) = leased else { throw Unexpected("\(leased)") }
      #expect(try await fixture.job(id).status == .processing)
      #expect(try await fixture.store.renew([.init(leaseID: lease)], ttlSeconds: 300) == [.cancel])

      let finished = try await second {
        _ = try await first.settle([Settlement(leaseID: lease, outcome: .cancelled)])
      } then: {
        try await fixture.store.cancel(id)
      }
      guard case .refused(.cancelled) = finished else { throw Unexpected("\(finished)") }

      let retried = try await second {
        _ = try await first.retry(id, discardCheckpoint: false)
      } then: {
        try await fixture.store.retry(id, discardCheckpoint: true)
      }
      guard case .refused(.queued) = retried else { throw Unexpected("\(retried)") }

      #expect(try await fixture.job(id).status == .queued)
      #expect(try await fixture.brokenRules() == [])
      await holder.close()
    }
  }

  @Test func backoffGrowsAndIsBounded() async throws {
    try await StoreFixture.run { fixture async throws in
      let rows = try await fixture.pool.query(
        """
        select n, min(baton_backoff(n)), max(baton_backoff(n)) from generate_series(1, 40) as n,
          generate_series(1, 20) group by n order by n
        """)
      for row in rows {
        let number = try row.int(0)
        let expected = min(3600, Double(1 << min(number - 1, 30)))
        #expect(try row.double(1) >= expected * 0.9 && row.double(2) <= expected * 1.1, "\(number)")
        // Spread, so that jobs that failed together do not come back together.
        #expect(try row.double(1) < row.double(2))
      }
    }
  }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension StoreFixture {
  /// Returns once a statement on this database waits for somebody else's row.
  func waitUntilSomebodyWaitsForALock() async throws {
    let watcher = try await database.connect()
    try await eventually("a statement that waits for a lock") {
      try await watcher.query(
        """
        select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
        """)[0].int(0) > 0
    }
    await watcher.close()
  }
}
