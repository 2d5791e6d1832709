import BatonShared
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct WorkerStoreTests {
  @Test func aWorkerIsRegisteredRefreshedAndShown() async throws {
    try await StoreFixture.run { fixture async throws in
      let registration = WorkerRegistration(
        hostname: "h", instanceID: "i", instanceType: "t", availabilityZone: "z", capacityType: .spot, provider: "aws",
        queues: ["a", "b"], kinds: ["k"], slots: 4, version: "1")
      let facts = try await fixture.store.register("w", registration, silentAfterSeconds: 30)
      #expect(facts == WorkerFacts(capacityType: .spot, isDraining: false))
      let worker = try #require(try await fixture.store.worker("w"))
      #expect(worker.registration == registration && worker.state == .active && worker.leases == 0)
      var changed = registration
      changed.slots = 9
      _ = try await fixture.store.register("w", changed, silentAfterSeconds: 30)
      #expect(try await fixture.store.worker("w")?.registration == changed)
      #expect(try await fixture.store.worker("nobody")?.id == nil)
      #expect(try await fixture.store.workerCounts() == [.active: 1])
    }
  }

  @Test func anUnknownWorkerRegistersByAsking() async throws {
    try await StoreFixture.run { fixture async throws in
      #expect(
        try await fixture.store.recognise(["new"], silentAfterSeconds: 30)[0]
          == WorkerFacts(capacityType: .unknown, isDraining: false))
      _ = try await fixture.store.register("known", WorkerRegistration(capacityType: .onDemand), silentAfterSeconds: 30)
      #expect(try await fixture.store.recognise(["known"], silentAfterSeconds: 30)[0].capacityType == .onDemand)
      let pulses = try await fixture.store.notePulses(
        [WorkerPulse(workerID: "newer", state: .active, interruption: nil)], silentAfterSeconds: 30)
      #expect(pulses.map(\.facts) == [WorkerFacts(capacityType: .unknown, isDraining: false)])
      #expect(try await fixture.store.workers(limit: 10).workers.count == 3)
    }
  }

  @Test func workersAreListedInPagesTheNewestFirst() async throws {
    try await StoreFixture.run { fixture async throws in
      for id in ["old", "b", "a", "c"] {
        _ = try await fixture.store.register(id, WorkerRegistration(), silentAfterSeconds: 30)
      }
      _ = try await fixture.enqueue()
      _ = try await fixture.leaseOne(worker: "a")
      // Three that came in the same moment.
      try await fixture.pool.query(
        "update workers set registered_at = case id when 'old' then now() - interval '1 hour' else now() end")
      var pages: [[String]] = []
      var place: WorkerPlace?
      repeat {
        let page = try await fixture.store.workers(limit: 2, after: place)
        pages.append(page.workers.map(\.id))
        #expect(page.workers.allSatisfy { $0.leases == ($0.id == "a" ? 1 : 0) })
        place = try page.nextCursor.map { try #require(WorkerPlace(cursor: $0)) }
        // Somebody new comes before all, and somebody goes: the pages behind stay as they are.
        if pages.count == 1 {
          _ = try await fixture.store.register("new", WorkerRegistration(), silentAfterSeconds: 30)
          try await fixture.pool.query("delete from workers where id = 'b'")
        }
      } while place != nil
      #expect(pages == [["a", "b"], ["c", "old"]])
      #expect(try await fixture.store.workers(limit: 1000).workers.map(\.id) == ["new", "a", "c", "old"])
    }
  }

  @Test func aPageOfWorkersWithLongListsIsShorter() async throws {
    try await StoreFixture.run { fixture async throws in
      let names = (0..<256).map { "\($0)" + String(repeating: "q", count: 120) }
      for number in 0..<150 {
        let registration = WorkerRegistration(queues: names, kinds: names)
        _ = try await fixture.store.register("w-\(number)", registration, silentAfterSeconds: 30)
      }
      let page = try await fixture.store.workers(limit: 1000)
      #expect(page.json.count < JobStore.maximumPageBytes && page.workers.count > 100)
      let place = try #require(page.nextCursor.flatMap { WorkerPlace(cursor: $0) })
      let rest = try await fixture.store.workers(limit: 1000, after: place)
      #expect(rest.nextCursor == nil && page.workers.count + rest.workers.count == 150)
    }
  }

  @Test func queuesAreListedInPagesByName() async throws {
    try await StoreFixture.run { fixture async throws in
      for queue in ["a", "b", "d"] { _ = try await fixture.enqueue { $0.queue = queue } }
      _ = try await fixture.leaseOne(queue: "b")
      for queue in ["B", "b", "c", "e"] { try await fixture.store.setPaused(true, queue: queue) }
      var pages: [[String]] = []
      var last: String?
      repeat {
        let page = try await fixture.store.queuePage(limit: 2, after: last)
        pages.append(page.queues.map(\.name))
        #expect(page.queues.allSatisfy { $0.paused == ["B", "b", "c", "e"].contains($0.name) })
        #expect(page.queues.allSatisfy { $0.counts[.queued] == (["a", "d"].contains($0.name) ? 1 : 0) })
        #expect(page.queues.allSatisfy { $0.counts[.processing] == ($0.name == "b" ? 1 : 0) })
        last = page.nextCursor
      } while last != nil
      #expect(pages == [["B", "a"], ["b", "c"], ["d", "e"]])
      #expect(try await fixture.store.queues().map(\.name) == pages.flatMap { $0 })
    }
  }

  @Test func aWorkerThatDrainsNeverBecomesActiveAgain() async throws {
    try await StoreFixture.run { fixture async throws in
      func pulse(_ state: WorkerState, _ interruption: InterruptionReport? = nil) async throws -> (Bool, Bool) {
        let answer = try await fixture.store.notePulses(
          [WorkerPulse(workerID: "w", state: state, interruption: interruption)], silentAfterSeconds: 30)[0]
        return (answer.drain, answer.facts.isDraining)
      }
      #expect(try await pulse(.active) == (false, false))
      let report = InterruptionReport(source: "ec2_spot", action: "terminate", secondsLeft: 100)
      #expect(try await pulse(.draining, report) == (false, true))
      #expect(try await pulse(.active) == (false, true))
      let worker = try #require(try await fixture.store.worker("w"))
      #expect(worker.state == .draining)
      #expect(worker.interruption == report)
    }
  }

  @Test func aWorkerIsAskedToDrainAndToldWithItsNextHeartbeat() async throws {
    try await StoreFixture.run { fixture async throws in
      #expect(try await !fixture.store.requestDrain(of: "w"))
      _ = try await fixture.store.register("w", WorkerRegistration(), silentAfterSeconds: 30)
      #expect(try await fixture.store.requestDrain(of: "w"))
      #expect(try await fixture.store.worker("w")?.state == .draining)
      #expect(try await fixture.store.recognise(["w"], silentAfterSeconds: 30)[0].isDraining)
      let pulse = WorkerPulse(workerID: "w", state: .active, interruption: nil)
      let other = WorkerPulse(workerID: "o", state: .active, interruption: nil)
      // Twice in one batch, and among others: an answer for each, in order.
      let answers = try await fixture.store.notePulses([pulse, other, pulse], silentAfterSeconds: 30)
      #expect(answers.map(\.drain) == [true, false, true])
    }
  }

  @Test func aSilentWorkerIsGone() async throws {
    try await StoreFixture.run { fixture async throws in
      _ = try await fixture.store.register("w", WorkerRegistration(), silentAfterSeconds: 0)
      #expect(try await fixture.store.worker("w")?.state == .gone)
      #expect(try await fixture.store.workerCounts() == [.gone: 1])
      _ = try await fixture.store.notePulses(
        [WorkerPulse(workerID: "w", state: .active, interruption: nil)], silentAfterSeconds: 30)
      #expect(try await fixture.store.worker("w")?.state == .active)
      _ = try await fixture.store.notePulses(
        [WorkerPulse(workerID: "w", state: .gone, interruption: nil)], silentAfterSeconds: 30)
      #expect(try await fixture.store.worker("w")?.state == .gone)
    }
  }

  @Test func queuesAreCountedByStatusWithTheAgeOfTheOldest() async throws {
    try await StoreFixture.run { fixture async throws in
      try await fixture.enqueue { $0.queue = "a" }
      try await fixture.enqueue { $0.queue = "a" }
      try await fixture.enqueue { job in
        job.queue = "a"
        job.start = .after(100)
      }
      let done = try await fixture.leaseOne(queue: "a")
      try await fixture.settle(done.leaseID, .done)
      _ = try await fixture.enqueue { $0.queue = "b" }
      _ = try await fixture.leaseOne(queue: "b")
      try await fixture.pool.query(
        "update jobs set run_at = now() - interval '50 seconds' where status = 'queued' and not scheduled")
      try await fixture.store.setPaused(true, queue: "c")
      let queues = try await fixture.store.queues()
      #expect(queues.map(\.name) == ["a", "b", "c"])
      #expect(queues.map(\.paused) == [false, false, true])
      #expect(queues[0].counts[.queued] == 2 && queues[0].counts[.done] == 1 && queues[0].counts[.processing] == 0)
      #expect(queues[1].counts[.processing] == 1 && queues[1].counts[.queued] == 0)
      #expect(queues[0].oldestQueuedSeconds.map { $0 >= 50 && $0 < 80 } == true)
      #expect(queues[1].oldestQueuedSeconds == nil && queues[2].oldestQueuedSeconds == nil)
    }
  }
}
