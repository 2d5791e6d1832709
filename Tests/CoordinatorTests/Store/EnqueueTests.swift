import BatonJSON
import BatonPostgres
import BatonShared
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct EnqueueTests {
  @Test func whatIsSubmittedIsWhatIsShownAndLeased() async throws {
    try await StoreFixture.run { fixture async throws in
      let payload = try RawJSON(
        parsing: #"{"big": 123456789012345678901234567890.10, "e": 1E400, "s":"é\u00e9\/ 😀", "a" :1, "a":2}"#)
      let job = fixture.newJob("exec") { job in
        job.payload = payload
        job.queue = "gpu"
        job.priority = -7
        job.maxAttempts = 2
        job.maxLosses = 3
        job.timeoutSeconds = 0.5
        job.placement = .spot
        job.onInterruption = .finish
        job.tags = ["a": "1", "ü": "\"\\"]
      }
      guard case .created(let instant) = try await fixture.store.enqueue([job])[0] else { throw Unexpected("no job") }
      let created = JobSnapshot(job, createdAt: instant)
      let shown = try await fixture.job(job.id)
      // The answer to a submission is made without reading the job back; it must not differ but in the tags' layout.
      var comparable = shown
      comparable.tags = created.tags
      #expect(String(decoding: created.json, as: UTF8.self) == String(decoding: comparable.json, as: UTF8.self))
      #expect(shown.payload == payload)
      #expect(shown.status == .queued && shown.queue == "gpu" && shown.priority == -7)
      let lease = try #require(try await fixture.lease(queues: ["gpu"], capacity: .spot).first).grant
      #expect(lease.payload == payload && lease.timeoutSeconds == 0.5 && lease.onInterruption == .finish)
      let result = try RawJSON(parsing: #"[0.1000, -0, "\ud83d\ude00"]"#)
      try await fixture.settle(Settlement(leaseID: lease.leaseID, outcome: .done, result: result))
      #expect(try await fixture.job(job.id).result == result)
    }
  }

  @Test func aRepeatOfAKeyReturnsTheFirstJobAndAnotherBodyIsAConflict() async throws {
    try await StoreFixture.run { fixture async throws in
      let first = fixture.newJob(key: "k")
      guard case .created = try await fixture.store.enqueue([first])[0] else { throw Unexpected("not created") }
      guard case .repeated(first.id) = try await fixture.store.enqueue([fixture.newJob(key: "k")])[0] else {
        throw Unexpected("not repeated")
      }
      guard case .conflict = try await fixture.store.enqueue([fixture.newJob(key: "k") { $0.priority = 1 }])[0] else {
        throw Unexpected("no conflict")
      }
      guard case .created = try await fixture.store.enqueue([fixture.newJob(key: "other")])[0] else {
        throw Unexpected("not created")
      }
      #expect(try await fixture.count("select from jobs") == 2)
    }
  }

  @Test func theSameKeyTwiceInOneBatchMakesOneJob() async throws {
    try await StoreFixture.run { fixture async throws in
      let jobs = [
        fixture.newJob(key: "k"), fixture.newJob(), fixture.newJob(key: "k"), fixture.newJob("other", key: "k"),
        fixture.newJob(key: "l"),
      ]
      let outcomes = try await fixture.store.enqueue(jobs)
      #expect(try await fixture.count("select from jobs") == 3)
      var created: [Int] = []
      var repeated: [JobID] = []
      for (index, outcome) in outcomes.enumerated() {
        switch outcome {
        case .created: created.append(index)
        case .repeated(let id): repeated.append(id)
        case .conflict: break
        }
      }
      #expect(created.count == 3 && created.contains(1) && created.contains(4))
      // Whichever of the three won the key, the equal one is told of it and the other is refused.
      #expect(repeated.allSatisfy { id in jobs.contains { $0.id == id } })
    }
  }

  @Test func concurrentBatchesWithTheSameKeysMakeEachJobOnce() async throws {
    try await StoreFixture.run(connections: 6) { fixture async throws in
      let outcomes = try await withThrowingTaskGroup(of: [(JobID, EnqueueOutcome)].self) { group in
        for task in 0..<8 {
          group.addTask {
            var keys = (0..<20).map { "key-\($0)" }
            // In another order each, which must not deadlock.
            keys = Array(keys[(task * 3 % 20)...] + keys[..<(task * 3 % 20)])
            if task % 2 == 1 { keys.reverse() }
            let jobs = keys.map { fixture.newJob(key: $0) }
            return Array(zip(jobs.map(\.id), try await fixture.store.enqueue(jobs)))
          }
        }
        return try await group.reduce(into: [(JobID, EnqueueOutcome)]()) { $0 += $1 }
      }
      #expect(try await fixture.count("select from jobs") == 20)
      var created: Set<JobID> = []
      var repeated: Set<JobID> = []
      var conflicts = 0
      for (id, outcome) in outcomes {
        switch outcome {
        case .created: created.insert(id)
        case .repeated(let id): repeated.insert(id)
        case .conflict: conflicts += 1
        }
      }
      #expect(created.count == 20 && conflicts == 0)
      #expect(repeated == created)
    }
  }

  @Test func aBatchIsAllOrNone() async throws {
    try await StoreFixture.run { fixture async throws in
      var jobs = (0..<50).map { _ in fixture.newJob() }
      // The table refuses this one: the API checks it before, so it can only come from a mistake of ours.
      jobs[37] = fixture.newJob { $0.queue = "" }
      let error = await #expect(throws: PostgresError.self) { try await fixture.store.enqueue(jobs) }
      #expect(error?.constraint == "jobs_queue_plain")
      #expect(try await fixture.count("select from jobs") == 0)
    }
  }

  @Test func tenThousandJobsAreOneStatement() async throws {
    try await StoreFixture.run { fixture async throws in
      let jobs = (0..<10_000).map { _ in fixture.newJob() }
      #expect(try await fixture.store.enqueue(jobs).count == 10_000)
      #expect(try await fixture.count("select distinct created_at from jobs") == 1)
      // Equal times: the ids, which grow, keep the order of the batch.
      #expect(try await fixture.lease(1000).map(\.grant.jobID) == jobs.prefix(1000).map(\.id))
    }
  }

  @Test func theListFiltersAndPages() async throws {
    try await StoreFixture.run { fixture async throws in
      var ids: [JobID] = []
      for index in 0..<25 {
        ids.append(
          try await fixture.enqueue(index % 2 == 0 ? "even" : "odd") { job in
            job.queue = "q\(index % 3)"
            job.tags = ["mod5": "\(index % 5)", "all": "yes"]
          })
      }
      func all(_ change: (inout JobListing) -> Void) async throws -> [JobID] {
        var listing = JobListing()
        change(&listing)
        var found: [JobID] = []
        while true {
          let page = try await fixture.store.list(listing)
          #expect(page.jobs.count <= listing.limit)
          found += page.jobs.map(\.id)
          guard let cursor = page.nextCursor else { return found }
          #expect(page.jobs.count == listing.limit)
          listing.before = JobID(cursor)
        }
      }
      let newest = Array(ids.reversed())
      #expect(try await all { _ in } == newest)
      #expect(try await all { $0.limit = 1 } == newest)
      #expect(try await all { $0.limit = 5 } == newest)
      #expect(try await all { $0.limit = 7 } == newest)
      #expect(try await all { $0.kind = "odd" } == newest.filter { ids.firstIndex(of: $0)! % 2 == 1 })
      #expect(try await all { $0.queue = "q1" } == newest.filter { ids.firstIndex(of: $0)! % 3 == 1 })
      #expect(try await all { $0.tags = ["mod5": "3"] } == newest.filter { ids.firstIndex(of: $0)! % 5 == 3 })
      #expect(
        try await all { listing in
          listing.tags = ["mod5": "3", "all": "yes"]
          listing.kind = "even"
          listing.limit = 1
        } == newest.filter { ids.firstIndex(of: $0)! % 10 == 8 })
      #expect(try await all { $0.tags = ["all": "no"] } == [])
      // One in each status.
      let leases = try await fixture.lease(4, queues: ["q0", "q1", "q2"]).map(\.grant)
      try await fixture.settle(leases[0].leaseID, .done)
      try await fixture.settle(Settlement(leaseID: leases[1].leaseID, outcome: .failed, retryable: false))
      try await fixture.settle(leases[2].leaseID, .cancelled)
      for (status, lease) in zip([JobStatus.done, .failed, .cancelled, .processing], leases) {
        #expect(try await all { $0.status = status } == [lease.jobID], "\(status)")
      }
      #expect(try await all { $0.status = .queued }.count == 21)
    }
  }
}
