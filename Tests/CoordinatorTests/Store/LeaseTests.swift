import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct LeaseTests {
  @Test func theHighestPriorityComesFirstThenTheOldestRunAt() async throws {
    try await StoreFixture.run { fixture async throws in
      let past = Instant(microseconds: Instant("2020-01-01T00:00:00Z")!.microseconds)
      let older = Instant(microseconds: past.microseconds - 1_000_000)
      let low = try await fixture.enqueue { $0.priority = -5 }
      let first = try await fixture.enqueue()
      let second = try await fixture.enqueue()
      let early = try await fixture.enqueue { $0.start = .at(past) }
      let earliest = try await fixture.enqueue { $0.start = .at(older) }
      let high = try await fixture.enqueue { $0.priority = 10 }
      let leases = try await fixture.lease(10)
      #expect(leases.map(\.grant.jobID) == [high, earliest, early, first, second, low])
    }
  }

  @Test func severalQueuesAreOneLine() async throws {
    try await StoreFixture.run { fixture async throws in
      var expected: [JobID] = []
      for index in 0..<9 { expected.append(try await fixture.enqueue { $0.queue = "q\(index % 3)" }) }
      _ = try await fixture.enqueue { $0.queue = "other" }
      let urgent = try await fixture.enqueue { job in
        job.queue = "q2"
        job.priority = 1
      }
      let some = try await fixture.lease(4, queues: ["q2", "q0", "q1", "q0"])
      #expect(some.map(\.grant.jobID) == [urgent] + expected.prefix(3))
      #expect(some.map(\.grant.queue) == ["q2", "q0", "q1", "q2"])
      let rest = try await fixture.lease(100, queues: ["q0", "q1", "q2"])
      #expect(rest.map(\.grant.jobID) == Array(expected.dropFirst(3)))
    }
  }

  @Test func placementDecidesWhoMayHaveAJob() async throws {
    try await StoreFixture.run { fixture async throws in
      for (capacity, wanted) in [
        (CapacityType.spot, [Placement.any, .spot]), (.onDemand, [.any, .onDemand]), (.unknown, [.any]),
      ] {
        for placement in Placement.allCases {
          try await fixture.enqueue(placement.rawValue) { $0.placement = placement }
        }
        let leases = try await fixture.lease(10, capacity: capacity)
        #expect(Set(leases.map(\.grant.kind)) == Set(wanted.map(\.rawValue)), "\(capacity)")
        let attempts = try await fixture.store.attempts(of: leases[0].grant.jobID)
        #expect(attempts?.first?.capacityType == capacity)
        try await fixture.pool.query("delete from jobs")
      }
    }
  }

  @Test func aSweepFindsTheFirstReadyJobBelowTheFloorAndNothingElse() async throws {
    try await StoreFixture.run { fixture async throws in
      let base = Instant("2020-01-01T00:00:00Z")!.microseconds
      func instant(_ seconds: Int64) -> Instant { Instant(microseconds: base + seconds * 1_000_000) }
      func floor(_ seconds: Int64, priority: Int = 0) -> LeaseFloor {
        LeaseFloor(priority: priority, runAt: instant(seconds))
      }
      let store = fixture.store
      func sweep(
        _ floor: LeaseFloor, queue: String = "default", kinds: [String] = []
      ) async throws -> LeaseFloor? {
        try await store.firstReady(LeaseRange(queue: queue, placement: .any), kinds: kinds, below: floor)
      }
      func enqueue(_ kind: String, at seconds: Int64, _ change: (inout JobSubmission) -> Void = { _ in }) async throws {
        try await fixture.enqueue(kind) { job in
          job.start = .at(instant(seconds))
          change(&job)
        }
      }
      // None of these is ready.
      try await enqueue("done", at: 1)
      try await enqueue("leased", at: 2)
      let leases = try await fixture.lease(2)
      try await fixture.settle(leases[0].grant.leaseID, .done)
      try await fixture.enqueue("delayed") { $0.start = .after(3600) }
      try await enqueue("on-spot", at: 3) { $0.placement = .spot }

      try await enqueue("a", at: 30)
      try await enqueue("b", at: 20)
      try await enqueue("low", at: 5) { $0.priority = -1 }
      try await enqueue("elsewhere", at: 10) { $0.queue = "other" }
      #expect(try await sweep(floor(20)) == nil, "the floor itself is where leasing begins")
      #expect(try await sweep(floor(40)) == floor(20))
      #expect(try await sweep(floor(40), queue: "other") == floor(10))
      #expect(try await sweep(floor(40), kinds: ["a", "c"]) == floor(30))
      #expect(try await sweep(floor(10, priority: -2)) == floor(20))
      #expect(try await sweep(floor(10, priority: -2), kinds: ["low"]) == floor(5, priority: -1))
      #expect(try await sweep(floor(40, priority: 1)) == nil)

      // What somebody is changing cannot be leased either.
      try await fixture.pool.transaction { transaction async throws in
        try await transaction.query("update jobs set tags = '{}' where kind = 'b'")
        #expect(try await sweep(floor(40)) == floor(30))
      }
      try await store.setPaused(true, queue: "default")
      #expect(try await sweep(floor(40)) == nil)
      #expect(try await sweep(floor(40), queue: "other") == floor(10))
    }
  }

  @Test func onlyTheKindsAskedForAreGiven() async throws {
    try await StoreFixture.run { fixture async throws in
      for kind in ["a", "b", "c", "a"] { try await fixture.enqueue(kind) }
      #expect(try await fixture.lease(10, kinds: ["b", "c"]).map(\.grant.kind) == ["b", "c"])
      #expect(try await fixture.lease(10, kinds: ["d"]).isEmpty)
      #expect(try await fixture.lease(10).map(\.grant.kind) == ["a", "a"])
    }
  }

  @Test func aPausedQueueGivesNothingUntilItIsResumed() async throws {
    try await StoreFixture.run { fixture async throws in
      try await fixture.enqueue { $0.queue = "p" }
      try await fixture.enqueue { $0.queue = "q" }
      try await fixture.store.setPaused(true, queue: "p")
      #expect(try await fixture.lease(10, queues: ["p", "q"]).map(\.grant.queue) == ["q"])
      try await fixture.store.setPaused(false, queue: "p")
      #expect(try await fixture.lease(10, queues: ["p", "q"]).map(\.grant.queue) == ["p"])
    }
  }

  @Test func aJobIsNotGivenBeforeItsTime() async throws {
    try await StoreFixture.run { fixture async throws in
      let delayed = try await fixture.enqueue { $0.start = .after(3600) }
      let dated = try await fixture.enqueue { $0.start = .at(Instant("2999-01-01T00:00:00Z")!) }
      #expect(try await fixture.lease(10).isEmpty)
      #expect(try await fixture.store.promote(limit: 10).isEmpty)
      let due = try #require(try await fixture.store.secondsUntilNextDue())
      #expect(due > 3590 && due <= 3600)
      // Its time has come.
      try await fixture.pool.query(
        "update jobs set run_at = now() - interval '1 second' where id = $1", .uuid(delayed.uuid))
      #expect(try await fixture.store.secondsUntilNextDue() == 0)
      let promoted = try await fixture.store.promote(limit: 10)
      #expect(promoted.map(\.queue) == ["default"] && promoted[0].dueInSeconds == 0)
      #expect(try await fixture.lease(10).map(\.grant.jobID) == [delayed])
      #expect(try await fixture.job(dated).status == .queued)
    }
  }

  @Test func leasesAreSpreadOverTheAskersInRank() async throws {
    try await StoreFixture.run { fixture async throws in
      for _ in 0..<3 { try await fixture.enqueue() }
      let leases = try await fixture.store.lease(
        LeaseFilter(queues: ["default"], kinds: [], capacityType: .spot), to: ["a", "b", "a", "b", "a"], ttlSeconds: 12)
      #expect(leases.map(\.workerID) == ["a", "b", "a"])
      #expect(leases.allSatisfy { $0.grant.leaseTTLSeconds == 12 && $0.grant.attempt == 1 && $0.waitedSeconds >= 0 })
      #expect(try await fixture.brokenRules() == [])
    }
  }

  @Test func manyLeasersNeverGetTheSameJob() async throws {
    try await StoreFixture.run(connections: 6) { fixture async throws in
      let jobs = (0..<600).map { index in fixture.newJob { $0.queue = "q\(index % 3)" } }
      _ = try await fixture.store.enqueue(jobs)
      let leased = try await withThrowingTaskGroup(of: [Lease].self) { group in
        for asker in 0..<12 {
          group.addTask {
            var mine: [Lease] = []
            var queues = ["q0", "q1", "q2"]
            queues.swapAt(0, asker % 3)
            while true {
              let leases = try await fixture.lease(asker % 4 == 0 ? 1 : 7, worker: "w-\(asker)", queues: queues)
              // Others hold rows for a moment; there may be work that this statement had to skip.
              if leases.isEmpty, try await fixture.count("select from jobs where status = 'queued'") == 0 {
                return mine
              }
              mine += leases
            }
          }
        }
        return try await group.reduce(into: [Lease]()) { $0 += $1 }
      }
      #expect(leased.count == 600)
      #expect(Set(leased.map(\.grant.jobID)) == Set(jobs.map(\.id)))
      #expect(Set(leased.map(\.grant.leaseID)).count == 600)
      #expect(try await fixture.count("select from attempts where outcome is null") == 600)
      #expect(try await fixture.brokenRules() == [])
    }
  }

  @Test func theDatabaseItselfRefusesASecondLeaseOfAJob() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      _ = try await fixture.leaseOne()
      let error = await #expect(throws: (any Error).self) {
        try await fixture.pool.query(
          """
          insert into attempts (lease_id, job_id, attempt, worker_id, expires_at)
          values (gen_random_uuid(), $1, 2, 'w', now())
          """, .uuid(id.uuid))
      }
      #expect("\(try #require(error))".contains("attempts_open"))
    }
  }

  @Test func anInterruptedJobIsAheadOfNewerWorkAndCountsNoFailure() async throws {
    try await StoreFixture.run { fixture async throws in
      let old = try await fixture.enqueue { $0.maxAttempts = 1 }
      let lease = try await fixture.leaseOne()
      let newer = try await fixture.enqueue()
      for round in 1...4 {
        let current = round == 1 ? lease : try await fixture.leaseOne()
        #expect(current.jobID == old && current.interruptions == round - 1 && current.attempt == round)
        #expect(try await fixture.settle(current.leaseID, .interrupted) == .accepted)
      }
      let job = try await fixture.job(old)
      #expect(job.failures == 0 && job.interruptions == 4 && job.losses == 0)
      #expect(try await fixture.lease(2).map(\.grant.jobID) == [old, newer])
    }
  }

  @Test func anExpiredLeaseIsRequeuedWithItsCheckpoint() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let first = try await fixture.leaseOne(worker: "w-1")
      _ = try await fixture.store.saveCheckpoint([7], contentType: "a/b", lease: first.leaseID)
      #expect(try await fixture.store.saveCheckpoint([8, 9], contentType: "c/d", lease: first.leaseID) == 2)
      #expect(try await fixture.store.reap(limit: 10).lost == 0)
      #expect(try await fixture.store.oldestExpiredLeaseSeconds() == nil)
      try await fixture.expire(first.leaseID)
      #expect(try #require(try await fixture.store.oldestExpiredLeaseSeconds()) > 0)
      let outcome = try await fixture.store.reap(limit: 10)
      #expect(outcome.lost == 1 && outcome.requeued.map(\.queue) == ["default"])
      #expect(try await fixture.store.reap(limit: 10).lost == 0)
      let second = try await fixture.leaseOne(worker: "w-2")
      #expect(second.jobID == id && second.attempt == 2)
      #expect(second.checkpoint == .init(sequence: 2, sizeBytes: 2, contentType: "c/d"))
      let bytes = try await fixture.store.checkpoint(lease: second.leaseID)
      #expect(bytes??.bytes == [8, 9])
      let attempts = try #require(try await fixture.store.attempts(of: id))
      #expect(attempts.map(\.outcome) == [.lost, nil])
      #expect(attempts.map(\.checkpointSequence) == [2, 2])
      #expect(attempts.map(\.workerID) == ["w-1", "w-2"])
    }
  }

  @Test func theReaperTakesNoMoreThanItIsAllowed() async throws {
    try await StoreFixture.run { fixture async throws in
      for _ in 0..<5 { try await fixture.enqueue() }
      let leases = try await fixture.lease(5)
      try await fixture.pool.query("update attempts set expires_at = now() - interval '1 second'")
      #expect(try await fixture.store.reap(limit: 2).lost == 2)
      #expect(try await fixture.store.reap(limit: 10).lost == 3)
      #expect(leases.count == 5)
      #expect(try await fixture.brokenRules() == [])
    }
  }
}
