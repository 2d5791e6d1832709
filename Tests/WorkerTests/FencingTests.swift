import BatonShared
import BatonTestSupport
import Testing

@testable import BatonWorker

@Suite(.timeLimit(.minutes(2))) struct FencingTests {
  @Test func aWorkerThatCannotRenewStopsItsJobBeforeTheLeaseEnds() async throws {
    try await CoordinatorDouble.run(ttl: 6, heartbeat: 0.5) { coordinator in
      let stopped = Watched<ContinuousClock.Instant?>(nil)
      let started = Watched(false)
      let handler = ClosureHandler("watched") { _ in
        started.update { $0 = true }
        do {
          try await untilCancelled()
        } catch {
          stopped.update { $0 = .now }
          throw error
        }
      }
      let job = try coordinator.submit("watched")
      let worker = try TestWorker(coordinator, handlers: [handler])
      try await worker.run {
        try await started.first { $0 }
        let lease = try #require(coordinator.state.value.jobs[job]?.lease)
        try await coordinator.wait("a renewal") {
          $0.heartbeats.contains { $0.leases.contains { $0.leaseID == lease } }
        }
        let expiry = coordinator.state.update { state in
          state.isDown = true
          return state.expiries[lease]!
        }
        let stoppedAt = try #require(try await stopped.first { $0 != nil })
        #expect(stoppedAt < expiry, "before anybody else can have the job")
        // The lease goes to somebody else; contact returns.
        coordinator.takeAway(job)
        coordinator.state.update { $0.isDown = false }
        try await coordinator.wait("the lease to be dropped") { $0.heartbeats.last?.leases.isEmpty == true }
      }
      let state = coordinator.state.value
      #expect(state.settlements.isEmpty, "nothing is reported of what was lost")
      #expect(state.refused.isEmpty)
    }
  }

  @Test func aLeaseThatIsStillInForceWhenContactReturnsIsHandedBack() async throws {
    try await CoordinatorDouble.run(ttl: 4, heartbeat: 0.4) { coordinator in
      let job = try coordinator.submit("sleep", #"{"seconds":30}"#)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("a renewal") { $0.heartbeats.last?.leases.isEmpty == false }
        let run = try #require(worker.worker.table.runs.first)
        coordinator.state.update { $0.isDown = true }
        // Stopped: the slot is free, the lease not yet settled.
        #expect(try await run.state.first { $0.phase == .settling }.halt == .untrusted)
        try await worker.worker.table.state.first { $0.busySlots == 0 }
        coordinator.state.update { $0.isDown = false }
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .released)
        #expect(outcome.reason?.contains("could not be renewed") == true)
      }
    }
  }

  @Test func aLostLeaseStopsTheJobAndNothingIsReported() async throws {
    try await CoordinatorDouble.run(ttl: 30, heartbeat: 0.1) { coordinator in
      let payload = execPayload(["sh", "-c", "while :; do echo tick; sleep 0.05; done"])
      let job = try coordinator.submit("exec", payload)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("a renewal") { $0.heartbeats.last?.leases.isEmpty == false }
        coordinator.takeAway(job)
        try await coordinator.wait("the lease to be dropped") { $0.heartbeats.last?.leases.isEmpty == true }
      }
      #expect(coordinator.state.value.settlements.isEmpty)
    }
  }

  @Test func aCheckpointRefusedAsLostStopsTheJob() async throws {
    try await CoordinatorDouble.run(ttl: 30, heartbeat: 30) { coordinator in
      let refused = Watched<String?>(nil)
      let go = Watched(false)
      let handler = ClosureHandler("saver") { job in
        try await go.first { $0 }
        do {
          try await job.saveCheckpoint([1])
        } catch {
          refused.update { $0 = "\(error)" }
          try await untilCancelled()
        }
      }
      let job = try coordinator.submit("saver")
      let worker = try TestWorker(coordinator, handlers: [handler])
      try await worker.run {
        try await coordinator.wait("the lease") { !$0.leases.isEmpty }
        coordinator.takeAway(job)
        go.update { $0 = true }
        #expect(try await refused.first { $0 != nil } == "the lease is lost")
      }
      let state = coordinator.state.value
      #expect(state.settlements.isEmpty)
      #expect(state.checkpointsSaved.isEmpty)
    }
  }

  @Test func settlementsSurviveACoordinatorThatIsAway() async throws {
    try await CoordinatorDouble.run(ttl: 30, heartbeat: 0.2) { coordinator in
      let job = try coordinator.submit("sleep", #"{"seconds":0.5}"#)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("the lease") { !$0.leases.isEmpty }
        coordinator.state.update { $0.isDown = true }
        try await coordinator.wait("reports in vain") { $0.turnedAway.count { $0.hasSuffix("/settle") } > 1 }
        coordinator.state.update { $0.isDown = false }
        #expect(try await coordinator.outcome(of: job).outcome == .done)
        let next = try coordinator.submit("noop")
        #expect(try await coordinator.outcome(of: next).outcome == .done, "and it goes on leasing")
      }
    }
  }
}
