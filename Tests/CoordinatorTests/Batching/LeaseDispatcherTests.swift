import BatonPostgres
import BatonShared
import BatonTelemetry
import BatonTestSupport
import ServiceLifecycle
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct LeaseDispatcherTests {
  private struct Fixture: Sendable {
    let store: StoreFixture
    let database: GatedDatabase
    let dispatcher: LeaseDispatcher
    let group: ServiceGroup

    /// Asks in a task of its own.
    func ask(_ worker: String, max: Int = 1, wait: Double = 30) -> Task<[Lease], any Error> {
      Task {
        try await dispatcher.lease(
          LeaseRequest(workerID: worker, max: max, queues: ["default"], waitSeconds: wait), capacityType: .unknown)
      }
    }

    func untilWaiting(_ count: Int) async throws {
      try await eventually("\(count) waiting requests") { dispatcher.waitingCount == count }
    }

    /// Until so many leasing statements have come back and everybody who has not gone waits.
    func untilParked(_ count: Int, after statements: Int) async throws {
      try await untilWaiting(count)
      try await eventually("\(statements) statements") { database.statements >= statements }
    }
  }

  /// Nothing is tried again without a wake-up: what a test sees was caused by what it did.
  private static func run(_ body: @Sendable @escaping (Fixture) async throws -> Void) async throws {
    try await StoreFixture.run { store async throws in
      let database = GatedDatabase(store.pool)
      let dispatcher = LeaseDispatcher(
        store: JobStore(database: database, sender: "tests"),
        announcer: WorkAnnouncer(store: store.store, logger: .quiet), ttlSeconds: 30,
        metrics: CoordinatorMetrics(registry: PrometheusRegistry()), logger: .quiet, recheckInterval: .seconds(3600))
      try await withServices([dispatcher]) { group in
        try await body(Fixture(store: store, database: database, dispatcher: dispatcher, group: group))
      }
    }
  }

  @Test func workThatIsThereIsGivenAtOnce() async throws {
    try await Self.run { fixture async throws in
      let id = try await fixture.store.enqueue()
      #expect(try await fixture.ask("w").value.map(\.grant.jobID) == [id])
      #expect(try await fixture.ask("w", wait: 0).value.isEmpty)
    }
  }

  @Test func aWaitEndsEmptyAtItsDeadline() async throws {
    try await Self.run { fixture async throws in
      let start = ContinuousClock.now
      #expect(try await fixture.ask("w", wait: 0.3).value.isEmpty)
      #expect(ContinuousClock.now - start >= .milliseconds(300))
      #expect(fixture.dispatcher.waitingCount == 0)
    }
  }

  @Test func aWakeDuringTheFlightIsNotLost() async throws {
    try await Self.run { fixture async throws in
      fixture.database.leases.close()
      let asked = fixture.ask("w")
      // The statement has looked, and found nothing; its answer is still under way.
      try await eventually { fixture.database.leases.heldCount == 1 }
      let id = try await fixture.store.enqueue()
      fixture.dispatcher.wake(["default"])
      fixture.database.leases.open()
      #expect(try await asked.value.map(\.grant.jobID) == [id])
    }
  }

  @Test func requestsThatComeDuringTheFlightShareTheNextStatement() async throws {
    try await Self.run { fixture async throws in
      for _ in 0..<6 { try await fixture.store.enqueue() }
      fixture.database.leases.close()
      let first = fixture.ask("w-0")
      try await eventually { fixture.database.leases.heldCount == 1 }
      let others = (1...5).map { fixture.ask("w-\($0)") }
      try await fixture.untilWaiting(6)
      fixture.database.leases.open()
      var jobs = try await first.value.map(\.grant.jobID)
      for (index, task) in others.enumerated() {
        let leases = try await task.value
        #expect(leases.map(\.workerID) == ["w-\(index + 1)"])
        jobs += leases.map(\.grant.jobID)
      }
      #expect(Set(jobs).count == 6)
      #expect(fixture.database.statements == 2)
    }
  }

  @Test func aLeaseWhoseAskerHasGoneIsHandedBackAndGoesToTheNext() async throws {
    try await Self.run { fixture async throws in
      let id = try await fixture.store.enqueue { $0.maxAttempts = 1 }
      fixture.database.leases.close()
      let gone = fixture.ask("gone")
      try await eventually { fixture.database.leases.heldCount == 1 }
      let next = fixture.ask("next")
      try await fixture.untilWaiting(2)
      gone.cancel()
      await #expect(throws: CancellationError.self) { try await gone.value }
      fixture.database.leases.open()
      let lease = try #require(try await next.value.first)
      #expect(lease.workerID == "next" && lease.grant.jobID == id && lease.grant.attempt == 2)
      let attempts = try #require(try await fixture.store.store.attempts(of: id))
      #expect(attempts.map(\.outcome) == [.released, nil])
      #expect(attempts.map(\.workerID) == ["gone", "next"])
      #expect(attempts.first?.reason?.contains("gone") == true)
      let job = try await fixture.store.job(id)
      #expect(job.failures == 0 && job.interruptions == 0 && job.losses == 0)
    }
  }

  @Test func anAskerThatHasGoneBeforeTheStatementTakesNothing() async throws {
    try await Self.run { fixture async throws in
      let asked = fixture.ask("gone")
      try await fixture.untilParked(1, after: 1)
      asked.cancel()
      await #expect(throws: CancellationError.self) { try await asked.value }
      let id = try await fixture.store.enqueue()
      fixture.dispatcher.wake(nil)
      #expect(try await fixture.ask("next").value.map(\.grant.jobID) == [id])
      #expect(try await fixture.store.store.attempts(of: id)?.count == 1)
    }
  }

  @Test func aWorkerThatIsToDrainIsToldAndItsLeaseHandedBack() async throws {
    try await Self.run { fixture async throws in
      let id = try await fixture.store.enqueue()
      fixture.database.leases.close()
      let draining = fixture.ask("draining")
      try await eventually { fixture.database.leases.heldCount == 1 }
      let other = fixture.ask("other")
      try await fixture.untilWaiting(2)
      fixture.dispatcher.expel(workerID: "draining")
      let problem = await #expect(throws: Problem.self) { try await draining.value }
      #expect(problem?.knownCode == .workerDraining)
      fixture.database.leases.open()
      #expect(try await other.value.map(\.grant.jobID) == [id])
    }
  }

  @Test func whenTheCoordinatorDrainsThoseWhoWaitGetAnEmptyAnswer() async throws {
    try await Self.run { fixture async throws in
      let waiting = (0..<3).map { fixture.ask("w-\($0)") }
      try await fixture.untilWaiting(3)
      fixture.dispatcher.drain()
      for task in waiting { #expect(try await task.value.isEmpty) }
      let problem = await #expect(throws: Problem.self) { try await fixture.ask("late").value }
      #expect(problem?.knownCode == .draining)
    }
  }

  @Test func aLeaseThatWasUnderWayWhenTheCoordinatorStoppedIsHandedBack() async throws {
    try await Self.run { fixture async throws in
      let id = try await fixture.store.enqueue()
      fixture.database.leases.close()
      let asked = fixture.ask("w")
      try await eventually { fixture.database.leases.heldCount == 1 }
      await fixture.group.triggerGracefulShutdown()
      #expect(try await asked.value.isEmpty)
      fixture.database.leases.open()
      try await eventually { try await fixture.store.job(id).status == .queued }
      #expect(try await fixture.store.store.attempts(of: id)?.map(\.outcome) == [.released])
    }
  }

  @Test func aFailureReachesThoseInTheStatementAndTheNextIsServed() async throws {
    try await Self.run { fixture async throws in
      fixture.database.leases.fail(with: .connection("away"))
      await #expect(throws: PostgresError.connection("away")) { try await fixture.ask("w").value }
      fixture.database.leases.fail(with: nil)
      let id = try await fixture.store.enqueue()
      #expect(try await fixture.ask("w").value.map(\.grant.jobID) == [id])
    }
  }

  /// A walk that is slow: from then on there is a floor, and the next job is put below it by somebody else.
  private static func runWithAJobBelowTheFloor(
    _ body: @Sendable @escaping (Fixture, JobID) async throws -> Void
  ) async throws {
    try await run { fixture async throws in
      try await fixture.store.enqueue()
      fixture.database.leases.close()
      let first = fixture.ask("first")
      try await eventually { fixture.database.leases.heldCount == 1 }
      try await Task.sleep(for: LeaseFloors.quick * 2)
      fixture.database.leases.open()
      #expect(try await first.value.count == 1)
      let past = Instant(microseconds: Instant("2020-01-01T00:00:00Z")!.microseconds)
      try await body(fixture, try await fixture.store.enqueue { $0.start = .at(past) })
    }
  }

  @Test func noLeaseWaitsForASweep() async throws {
    try await Self.runWithAJobBelowTheFloor { fixture, below in
      fixture.database.sweeps.close()
      defer { fixture.database.sweeps.open() }
      let waiting = fixture.ask("waiting")
      try await eventually {
        fixture.dispatcher.wake(nil)
        return fixture.database.sweeps.heldCount == 1
      }
      #expect(fixture.dispatcher.waitingCount == 1, "it lies below the floor")
      let ours = try await fixture.store.enqueue()
      fixture.dispatcher.wake(["default"])
      #expect(try await waiting.value.map(\.grant.jobID) == [ours])

      let next = fixture.ask("next")
      fixture.database.sweeps.open()
      #expect(try await next.value.map(\.grant.jobID) == [below])
    }
  }

  @Test func aSweepThatFailsIsTriedAgain() async throws {
    try await Self.runWithAJobBelowTheFloor { fixture, below in
      fixture.database.sweeps.fail(with: .timeout)
      let waiting = fixture.ask("waiting")
      try await eventually {
        fixture.dispatcher.wake(nil)
        return fixture.database.sweeps.failures >= 1
      }
      fixture.database.sweeps.fail(with: nil)
      try await eventually {
        fixture.dispatcher.wake(nil)
        return fixture.dispatcher.waitingCount == 0
      }
      #expect(try await waiting.value.map(\.grant.jobID) == [below])
    }
  }

  @Test func cancellingTheServiceEndsItToo() async throws {
    try await StoreFixture.run { store async throws in
      let dispatcher = LeaseDispatcher(
        store: store.store, announcer: WorkAnnouncer(store: store.store, logger: .quiet), ttlSeconds: 30,
        metrics: CoordinatorMetrics(registry: PrometheusRegistry()), logger: .quiet)
      let task = Task { try await dispatcher.run() }
      _ = try await dispatcher.lease(
        LeaseRequest(workerID: "w", max: 1, queues: ["default"]), capacityType: .unknown)
      task.cancel()
      try await task.value
    }
  }
}
