import BatonShared
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct RetentionTests {
  private static let dependants = ["attempts", "checkpoints", "job_logs", "idempotency_keys"]

  /// A finished job with everything that can belong to one.
  private func finishedJob(_ fixture: StoreFixture, _ key: String) async throws -> JobID {
    let job = fixture.newJob(key: key)
    _ = try await fixture.store.enqueue([job])
    let lease = try await fixture.leaseOne().leaseID
    _ = try await fixture.store.saveCheckpoint([1], contentType: "a/b", lease: lease)
    _ = try await fixture.store.appendLog("x", lease: lease, keepingBytes: 100)
    try await fixture.settle(lease, .done)
    return job.id
  }

  @Test func oldFinishedJobsGoWithAllThatBelongsToThem() async throws {
    try await StoreFixture.run { fixture async throws in
      let old = try await finishedJob(fixture, "old")
      let recent = try await finishedJob(fixture, "recent")
      let waiting = try await fixture.enqueue()
      try await fixture.pool.query(
        "update jobs set finished_at = now() - interval '1 hour' where id = $1", .uuid(old.uuid))
      try await fixture.pool.query(
        "update jobs set created_at = now() - interval '1 year', run_at = now() - interval '1 year' where id = $1",
        .uuid(waiting.uuid))
      #expect(try await fixture.store.pruneJobs(olderThan: 3601, limit: 100) == 0)
      #expect(try await fixture.store.pruneJobs(olderThan: 3599, limit: 100) == 1)
      #expect(try await fixture.store.job(old) == nil)
      #expect(try await fixture.store.job(recent) != nil)
      #expect(try await fixture.store.job(waiting) != nil)
      for table in Self.dependants {
        let rows =
          table == "idempotency_keys" || table == "attempts" || table == "checkpoints" || table == "job_logs" ? 1 : 0
        #expect(try await fixture.count("select from \(table)") == rows, "\(table)")
        #expect(try await fixture.count("select from \(table) where job_id = $1", .uuid(old.uuid)) == 0, "\(table)")
      }
      // Its key may be used again.
      guard case .created = try await fixture.store.enqueue([fixture.newJob(key: "old")])[0] else {
        throw Unexpected("the key of a job that is gone is still taken")
      }
    }
  }

  @Test func pruningGoesInBatchesFromTheOldest() async throws {
    try await StoreFixture.run { fixture async throws in
      var ids: [JobID] = []
      for index in 0..<5 { ids.append(try await finishedJob(fixture, "\(index)")) }
      #expect(try await fixture.store.pruneJobs(olderThan: 0, limit: 2) == 2)
      for (index, id) in ids.enumerated() { #expect((try await fixture.store.job(id) == nil) == (index < 2)) }
      #expect(try await fixture.store.pruneJobs(olderThan: 0, limit: 2) == 2)
      #expect(try await fixture.store.pruneJobs(olderThan: 0, limit: 2) == 1)
      for table in Self.dependants { #expect(try await fixture.count("select from \(table)") == 0, "\(table)") }
    }
  }

  @Test func silentWorkersThatHoldNothingGo() async throws {
    try await StoreFixture.run { fixture async throws in
      for id in ["silent", "holder", "alive"] {
        _ = try await fixture.store.register(id, WorkerRegistration(), silentAfterSeconds: 30)
      }
      try await fixture.enqueue()
      _ = try await fixture.lease(worker: "holder")
      try await fixture.pool.query(
        "update workers set last_heartbeat_at = now() - interval '1 hour' where id <> 'alive'")
      #expect(try await fixture.store.pruneWorkers(silentFor: 60) == 1)
      #expect(Set(try await fixture.store.workers(limit: 10).workers.map(\.id)) == ["holder", "alive"])
    }
  }
}
