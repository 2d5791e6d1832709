import BatonJSON
import BatonShared
import Testing

@testable import BatonWorker

/// Leases that are held beyond the slots, on real HTTP: whatever happens, a job that must not begin does not.
@Suite struct PrefetchedLeaseTests {
  /// A kind whose first jobs end at once and teach the worker to prefetch; the next one blocks the only slot.
  private struct Gated: JobHandler {
    let kind = "gated"
    let passing: Int
    let begun = Watched<[String]>([])
    let isOpen = Watched(false)

    func run(_ job: JobContext) async throws -> RawJSON? {
      let number = begun.update { begun in
        begun.append(job.jobID)
        return begun.count
      }
      if number > passing { try await isOpen.first { $0 } }
      return nil
    }
  }

  private static let passing = 20

  /// Runs a worker until its only slot is blocked and leases wait behind it.
  private func blocked(
    ttl: Double = 30, heartbeat: Double = 10, patience: Double = 60, softMaxJob: Double = 120,
    _ body: @escaping @Sendable (CoordinatorDouble, TestWorker, Gated, _ waiting: [String]) async throws -> Void,
    afterwards: @escaping @Sendable (CoordinatorDouble.State) -> Void = { _ in }
  ) async throws {
    try await CoordinatorDouble.run(ttl: ttl, heartbeat: heartbeat) { coordinator in
      let gated = Gated(passing: Self.passing)
      for _ in 0..<(Self.passing * 4) { try coordinator.submit("gated") }
      let worker = try TestWorker(coordinator, handlers: [gated]) { configuration in
        configuration.slots = 1
        configuration.kinds = ["gated"]
        configuration.prefetchHorizon = 60
        configuration.prefetchPatience = .seconds(patience)
        configuration.softMaxJob = softMaxJob
      }
      try await worker.run {
        try await gated.begun.first { $0.count == Self.passing + 1 }
        // All but the jobs that wait have been settled, and no request is on its way: nothing changes any more.
        let state = try await worker.worker.table.state.first { state in
          !state.waiting.isEmpty && state.runs.count == state.waiting.count + 1
            && LeaseTable.wish(state, slots: 1, isBacklogged: true, at: .now) == nil
        }
        try await body(coordinator, worker, gated, state.waiting.map { "\($0.grant.jobID)" })
        gated.isOpen.update { $0 = true }
      }
      afterwards(coordinator.state.value)
    }
  }

  private static func released(_ state: CoordinatorDouble.State) -> [Settlement] {
    state.settlements.map(\.settlement).filter { $0.outcome == .released }
  }

  @Test func aDrainHandsThemAllBackAtOnceAndBeginsNone() async throws {
    try await blocked { coordinator, worker, gated, waiting in
      let requests = coordinator.state.value.settleRequests.count
      worker.drain.receive(InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 20))
      // The job that runs still runs.
      let state = try await coordinator.wait("the leases") { Self.released($0).count == waiting.count }
      #expect(state.settleRequests.count == requests + 1, "in one request")
      #expect(Self.released(state).allSatisfy { $0.reason == "not begun: the worker drains" && !$0.begun })
      #expect(state.settlements.allSatisfy { $0.status == .accepted })
      #expect(Set(waiting.map { state.jobs[JobID($0)!]?.outcome?.outcome }) == [.released])
      gated.isOpen.update { $0 = true }
      try await worker.worker.table.state.first { $0.runs.isEmpty }
      #expect(gated.begun.value.count == Self.passing + 1, "none was begun")
      #expect(coordinator.state.value.settlements.map(\.settlement).allSatisfy { $0.begun == ($0.outcome == .done) })
      #expect(
        worker.worker.metrics.registry.scrape()
          .contains(#"worker_leases_handed_back_total{reason="drain"} \#(waiting.count)"#))
    }
  }

  /// The slot comes free in the very moment in which the drain begins, many times over.
  @Test(arguments: 0..<12)
  func aSlotThatComesFreeDuringADrainTakesNone(step: Int) async throws {
    try await blocked { coordinator, worker, gated, waiting in
      async let drain = Task.detached {
        for _ in 0..<(step * 3) { await Task.yield() }
        worker.drain.receive(InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 20))
        return gated.begun.value.count
      }.value
      async let open: Void = Task.detached {
        for _ in 0..<18 { await Task.yield() }
        gated.isOpen.update { $0 = true }
      }.value
      let begun = await drain
      await open
      try await worker.worker.table.state.first { $0.runs.isEmpty }
      // One may have been between the last look at the drain and its first line.
      #expect(gated.begun.value.count <= begun + 1)
    } afterwards: { state in
      #expect(state.leases.isEmpty, "a lease is left to expire")
      #expect(state.settlements.allSatisfy { $0.status == .accepted })
      let settled = Set(state.settlements.map(\.settlement.leaseID))
      #expect(settled.count + state.queued.count == Self.passing * 4, "each job waits or was settled")
    }
  }

  @Test func theyAreRenewed() async throws {
    try await blocked(heartbeat: 0.1) { coordinator, _, _, waiting in
      try await coordinator.wait("their renewal") { $0.heartbeats.last?.leases.count == waiting.count + 1 }
    }
  }

  @Test func whatWaitsBehindALongJobGoesBackAndNothingIsHeldForAWhile() async throws {
    try await blocked(patience: 2) { coordinator, worker, gated, waiting in
      let state = try await coordinator.wait("the leases") { Self.released($0).count >= waiting.count }
      #expect(Self.released(state).allSatisfy { $0.reason?.contains("longer than expected") == true })
      let table = try await worker.worker.table.state.first { $0.runs.count == 1 }
      #expect(table.waiting.isEmpty)
      #expect(LeaseTable.wish(table, slots: 1, isBacklogged: true, at: .now) == nil, "no more for now")
      #expect(gated.begun.value.count == Self.passing + 1)
      // The others are run all the same.
      gated.isOpen.update { $0 = true }
      let rest = try await coordinator.wait("the rest") { $0.queued.isEmpty && $0.leases.isEmpty }
      #expect(gated.begun.value.count == Self.passing * 4 - Self.released(rest).count)
    }
  }

  @Test func aLeaseIsBegunOnlyWhileItIsTrusted() {
    func run(requestedBefore age: Duration) -> LeaseRun {
      let grant = LeaseGrant(
        leaseID: LeaseID(), jobID: JobID(LeaseID().uuid), queue: "q", kind: "k", payload: .emptyObject, attempt: 1,
        interruptions: 0, leaseTTLSeconds: 10, timeoutSeconds: nil, onInterruption: .auto, checkpoint: nil)
      return LeaseRun(grant: grant, requestedAt: .now - age, receivedAt: .now - age)
    }
    #expect(run(requestedBefore: .seconds(1)).begin(savesAfterStop: false) { _ in })
    let old = run(requestedBefore: .seconds(11))
    #expect(!old.begin(savesAfterStop: false) { _ in })
    #expect(old.state.value.halt == .untrusted && old.state.value.phase == .waiting)
  }

  @Test func thoseWhoseTrustRanOutAreAllHandedBack() async throws {
    try await blocked(ttl: 3, heartbeat: 0.3) { coordinator, worker, gated, waiting in
      coordinator.state.update { $0.isDown = true }
      // Each is fenced, the job that runs, too; with that its slot is free for the next.
      for run in worker.worker.table.runs { try await run.state.first { $0.phase == .settling } }
      coordinator.state.update { state in
        state.isDown = false
        // What is leased from now on may begin.
        state.queued = []
      }
      let state = try await coordinator.wait("the leases") { Self.released($0).count == waiting.count + 1 }
      #expect(Self.released(state).allSatisfy { $0.reason?.contains("could not be renewed") == true })
      // Where the trust in one that waits runs out later, the slot that comes free may begin it for that moment.
      #expect(Self.released(state).count(where: \.begun) == gated.begun.value.count - Self.passing)
    }
  }

  @Test func oneThatIsCancelledIsNeverBegun() async throws {
    try await blocked(heartbeat: 0.1) { coordinator, worker, gated, waiting in
      let job = try #require(waiting.last.flatMap { JobID($0) })
      coordinator.state.update { _ = $0.cancelled.insert(job) }
      let run = try #require(worker.worker.table.runs.first { $0.grant.jobID == job })
      try await run.state.first { $0.halt == .cancel }
      gated.isOpen.update { $0 = true }
      #expect(try await coordinator.outcome(of: job).outcome == .cancelled)
      #expect(!gated.begun.value.contains("\(job)"))
    }
  }

  @Test func theSoftStateHandsBackKindsThatRunLong() async throws {
    try await blocked(softMaxJob: 0) { coordinator, worker, gated, waiting in
      let requests = coordinator.state.value.leaseRequests
      let notice = InterruptionNotice(source: "ec2_rebalance", action: "rebalance", secondsLeft: nil)
      worker.drain.receive(InterruptionEvent(kind: .rebalance, notice: notice))
      let state = try await coordinator.wait("the leases") { Self.released($0).count == waiting.count }
      #expect(Self.released(state).allSatisfy { $0.reason?.contains("run long") == true })
      #expect(gated.begun.value.count == Self.passing + 1)
      let table = try await worker.worker.table.state.first { $0.runs.count == 1 }
      #expect(table.runs.values.first?.state.value.phase == .running, "the job that runs goes on")
      try await Task.sleep(for: .milliseconds(300))
      #expect(coordinator.state.value.leaseRequests == requests, "nor is more of them asked for")
    }
  }
}
