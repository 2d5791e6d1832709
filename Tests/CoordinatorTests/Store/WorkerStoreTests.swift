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
      let worker = try #require(try await fixture.store.workers(id: "w").first)
      #expect(worker.registration == registration && worker.state == .active && worker.leases == 0)
      var changed = registration
      changed.slots = 9
      _ = try await fixture.store.register("w", changed, silentAfterSeconds: 30)
      #expect(try await fixture.store.workers(id: "w").first?.registration == changed)
      #expect(try await fixture.store.workers(id: "nobody").isEmpty)
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
      #expect(try await fixture.store.workers().count == 3)
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
      let worker = try #require(try await fixture.store.workers(id: "w").first)
      #expect(worker.state == .draining)
      #expect(worker.interruption == report)
    }
  }

  @Test func aWorkerIsAskedToDrainAndToldWithItsNextHeartbeat() async throws {
    try await StoreFixture.run { fixture async throws in
      #expect(try await !fixture.store.requestDrain(of: "w"))
      _ = try await fixture.store.register("w", WorkerRegistration(), silentAfterSeconds: 30)
      #expect(try await fixture.store.requestDrain(of: "w"))
      #expect(try await fixture.store.workers(id: "w").first?.state == .draining)
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
      #expect(try await fixture.store.workers(id: "w").first?.state == .gone)
      #expect(try await fixture.store.workerCounts() == [.gone: 1])
      _ = try await fixture.store.notePulses(
        [WorkerPulse(workerID: "w", state: .active, interruption: nil)], silentAfterSeconds: 30)
      #expect(try await fixture.store.workers(id: "w").first?.state == .active)
      _ = try await fixture.store.notePulses(
        [WorkerPulse(workerID: "w", state: .gone, interruption: nil)], silentAfterSeconds: 30)
      #expect(try await fixture.store.workers(id: "w").first?.state == .gone)
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
