import BatonShared
import Testing

@testable import BatonWorker

/// Drains on real HTTP, with the coordinator's answers held back where a race is to be had.
@Suite struct DrainTests {
  private let operatorDrain = InterruptionNotice(source: "operator", action: "drain", secondsLeft: nil)

  /// Begins a drain while the answer to a request for leases is on its way, which comes when the body lets it, or in the end.
  private func drainingBeforeTheAnswer(
    to payload: (kind: String, text: String) = ("noop", "{}"), grace: Double,
    _ body: @escaping @Sendable (CoordinatorDouble, TestWorker, JobID) async throws -> Void
  ) async throws {
    try await CoordinatorDouble.run { coordinator in
      coordinator.state.update { state in
        state.holdLeaseAnswers = true
        state.endsPollsOfDrainingWorkers = false
      }
      let job = try coordinator.submit(payload.kind, payload.text)
      let worker = try TestWorker(coordinator) { $0.gracePeriod = grace }
      try await worker.run {
        try await coordinator.wait("the grant") { !$0.leases.isEmpty }
        worker.drain.receive(operatorDrain)
        try await coordinator.wait("word of the drain") { $0.heartbeats.contains { $0.state == .draining } }
        try await body(coordinator, worker, job)
        coordinator.state.update { $0.holdLeaseAnswers = false }
      }
      #expect(coordinator.state.value.jobs[job]?.log.isEmpty == true)
    }
  }

  @Test func aLeaseThatArrivesAfterTheDrainBeganIsHandedBackUnrun() async throws {
    let payload = execPayload(["sh", "-c", "echo begun"])
    try await drainingBeforeTheAnswer(to: ("exec", payload), grace: 10) { coordinator, _, job in
      coordinator.state.update { $0.holdLeaseAnswers = false }
      let outcome = try await coordinator.outcome(of: job)
      #expect(outcome.outcome == .released)
      #expect(outcome.reason?.contains("after the worker began to drain") == true)
    }
  }

  /// To hang up would leave the lease to expire: its job waits for nothing, and a loss is counted.
  @Test func anAnswerThatIsSlowToComeAfterTheDrainBeganIsWaitedFor() async throws {
    try await drainingBeforeTheAnswer(grace: 30) { coordinator, _, job in
      try await Task.sleep(for: .seconds(3))
      coordinator.state.update { $0.holdLeaseAnswers = false }
      #expect(try await coordinator.outcome(of: job).outcome == .released)
    }
  }

  @Test func anAnswerThatDoesNotComeIsNotWaitedForAllOfTheDrain() async throws {
    try await drainingBeforeTheAnswer(grace: 60) { coordinator, worker, _ in
      let began = try #require(worker.drain.plan.value.drain).beganAt
      try await coordinator.wait("the end") { $0.heartbeats.contains { $0.state == .gone } }
      let used = (ContinuousClock.now - began).inSeconds
      #expect(used > 9.5 && used < 30, "ten seconds of sixty: \(used)")
    }
  }

  @Test func anAnswerIsWaitedForLessLongInADrainThatIsShortened() async throws {
    try await drainingBeforeTheAnswer(grace: 60) { coordinator, worker, _ in
      let began = ContinuousClock.now
      worker.drain.receive(InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 4))
      try await coordinator.wait("the end") { $0.heartbeats.contains { $0.state == .gone } }
      #expect(ContinuousClock.now - began < .seconds(8), "not the ten seconds of the longer one")
    }
  }

  @Test func noJobIsStartedAfterTheDrainBegan() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("a poll") { $0.leaseRequests > 0 }
        worker.drain.receive(operatorDrain)
        try coordinator.submit("noop")
      }
      let state = coordinator.state.value
      #expect(state.settlements.allSatisfy { $0.settlement.outcome == .released })
      #expect(state.queued.count + state.settlements.count == 1)
    }
  }

  @Test func anIdleWorkerIsGoneWithinASecondOrTwo() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      let began = try await worker.run {
        try await coordinator.wait("a poll") { $0.leaseRequests > 0 }
        return ContinuousClock.now
      }
      #expect(ContinuousClock.now - began < .seconds(8), "not the twenty of a long poll")
    }
  }

  @Test func aSettlementThatTimedOutButWasAppliedIsAcceptedWhenRepeated() async throws {
    try await CoordinatorDouble.run { coordinator in
      coordinator.state.update { $0.swallowSettleAnswers = 2 }
      let job = try coordinator.submit("noop")
      let worker = try TestWorker(coordinator)
      _ = try await worker.run {
        try await coordinator.wait("the third settlement") { $0.settlements.count == 3 }
      }
      let state = coordinator.state.value
      #expect(state.jobs[job]?.outcome?.outcome == .done)
      #expect(state.settlements.map(\.status) == [.accepted, .accepted, .accepted])
      #expect(worker.worker.metrics.registry.scrape().contains(#"worker_jobs_total{kind="noop",outcome="done"} 1"#))
    }
  }

  @Test func aHeartbeatThatCrossesASettlementStopsNothing() async throws {
    try await CoordinatorDouble.run(ttl: 30, heartbeat: 0.05) { coordinator in
      let first = try coordinator.submit("sleep", #"{"seconds":0.3}"#)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        // A heartbeat that names the lease, answered only after the lease has been settled: "held" by then is stale,
        // and the next says "lost".
        try await coordinator.wait("a heartbeat with the lease") { $0.heartbeats.last?.leases.isEmpty == false }
        coordinator.state.update { $0.holdHeartbeatAnswers = true }
        #expect(try await coordinator.outcome(of: first).outcome == .done)
        coordinator.state.update { $0.holdHeartbeatAnswers = false }
        let second = try coordinator.submit("noop")
        #expect(try await coordinator.outcome(of: second).outcome == .done)
      }
      #expect(coordinator.state.value.settlements.allSatisfy { $0.status == .accepted })
    }
  }

  @Test func heartbeatsGoOnUntilTheLastJobIsSettled() async throws {
    try await CoordinatorDouble.run(ttl: 30, heartbeat: 0.2) { coordinator in
      let job = try coordinator.submit("sleep", #"{"seconds":3}"#, onInterruption: .finish)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await worker.waitUntilRunning()
        worker.drain.receive(operatorDrain)
        #expect(try await coordinator.outcome(of: job).outcome == .done)
      }
      let draining = coordinator.state.value.heartbeats.filter { $0.state == .draining }
      let renewals = draining.filter { !$0.leases.isEmpty }
      #expect(renewals.count > 1)
      #expect(coordinator.state.value.heartbeats.last?.leases.isEmpty == true)
    }
  }

  @Test func anInterruptedStepsJobIsHandedBackAtTheVeryStep() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let job = try coordinator.submit(
        "steps", #"{"steps":1000,"step_seconds":0.02,"checkpoint_every":500}"#, onInterruption: .checkpoint)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("some progress") { ($0.heartbeats.last?.leases.first?.progress?.fraction ?? 0) > 0 }
        worker.drain.receive(InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 20))
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .interrupted)
        #expect(outcome.reason?.contains("ec2_spot terminate") == true)
        #expect(outcome.reason?.hasPrefix("checkpointed and handed back ") == true, "\(outcome.reason ?? "")")
      }
      let saved = try #require(coordinator.state.value.checkpointsSaved.last)
      let step = Int(String(decoding: saved, as: UTF8.self).filter(\.isNumber)) ?? 0
      #expect(step > 0 && step < 500, "not a multiple of checkpoint_every: \(step)")
    }
  }

  @Test func whatWillFinishFinishesAndTheRestRunsUntilTheReserve() async throws {
    try await CoordinatorDouble.run { coordinator in
      let short = try coordinator.submit("sleep", #"{"seconds":1}"#)
      let long = try coordinator.submit("steps", #"{"steps":10000,"step_seconds":0.02}"#)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await worker.waitUntilRunning(2)
        let began = ContinuousClock.now
        worker.drain.receive(InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 8))
        #expect(try await coordinator.outcome(of: short).outcome == .done)
        #expect(try await coordinator.outcome(of: long).outcome == .interrupted)
        let used = (ContinuousClock.now - began).inSeconds
        #expect(used > 5 && used < 8, "as late as is safe, but not later: \(used)")
      }
    }
  }

  @Test func aJobThatAsksForReleaseIsStoppedAtOnceWithoutACheckpoint() async throws {
    try await CoordinatorDouble.run { coordinator in
      let job = try coordinator.submit(
        "steps", #"{"steps":10000,"step_seconds":0.02,"checkpoint_every":5000}"#, onInterruption: .release)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await worker.waitUntilRunning()
        let began = ContinuousClock.now
        worker.drain.receive(operatorDrain)
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .interrupted)
        #expect(ContinuousClock.now - began < .seconds(6), "the grace is ten")
      }
      #expect(coordinator.state.value.checkpointsSaved.isEmpty)
    }
  }

  @Test func aHandlerThatTakesNoNoticeIsGivenUpInTime() async throws {
    try await CoordinatorDouble.run { coordinator in
      let isReleased = Watched(false)
      let stubborn = ClosureHandler("stubborn") { _ in
        // Ignores both the interruption and its cancellation.
        _ = await Task { try await isReleased.first { $0 } }.result
      }
      let job = try coordinator.submit("stubborn")
      let worker = try TestWorker(coordinator, handlers: [stubborn])
      try await worker.run {
        defer { isReleased.update { $0 = true } }
        try await worker.waitUntilRunning()
        let began = ContinuousClock.now
        worker.drain.receive(InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 2))
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .interrupted)
        #expect(ContinuousClock.now - began < .seconds(8))
      }
    }
  }

  /// The coordinator knows by then that this worker drains and refuses it work: its own word, come back to it.
  @Test func theEchoOfItsOwnWordDoesNotShortenADrain() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let job = try coordinator.submit("sleep", #"{"seconds":4}"#)
      // A slot is free, so it asks for more until it drains; the grace is shorter than the job.
      let worker = try TestWorker(coordinator) { $0.gracePeriod = 1 }
      try await worker.run {
        try await worker.waitUntilRunning()
        worker.drain.receive(InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 30))
        #expect(try await coordinator.outcome(of: job).outcome == .done)
        #expect(worker.drain.report?.source == "ec2_spot")
      }
    }
  }

  @Test func theCoordinatorsWordBeginsADrain() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("a poll") { $0.leaseRequests > 0 }
        coordinator.state.update { $0.drain = true }
        try await worker.drain.plan.first { $0.isDraining }
        #expect(worker.drain.report?.source == "coordinator")
      }
    }
  }

  /// Whenever it comes, between a request and its answer too: what was granted is run and settled, or handed back unrun,
  /// and nothing more is asked for.
  @Test(arguments: 0..<24)
  func nothingIsLeasedAfterTheDrainBegan(step: Int) async throws {
    try await CoordinatorDouble.run(heartbeat: 0.05) { coordinator in
      let worker = try TestWorker(coordinator)
      let begun = Watched<Int?>(nil)
      try await worker.run {
        // Jobs come and end all the time; the drain begins after so many of them, at a moment that differs each time.
        for _ in 0..<(40 + step * 3) { try coordinator.submit("noop") }
        try await coordinator.wait("work to be done") { $0.settlements.count > step * 3 }
        worker.drain.receive(operatorDrain)
        begun.update { $0 = coordinator.state.value.leaseRequests }
        // With nothing left to do it may be gone before it has said that it drains.
        try await coordinator.wait("word of the drain") { $0.heartbeats.contains { $0.state != .active } }
      }
      let state = coordinator.state.value
      let before = try #require(begun.value)
      #expect(state.leaseRequests - before <= 1, "the one that was on its way")
      #expect(state.leases.isEmpty, "a lease is left to expire")
      // On a slow machine a report may be repeated before its answer is here.
      let settled = Set(state.settlements.map(\.settlement.leaseID))
      #expect(state.queued.count + settled.count == 40 + step * 3, "each job waits or was settled once")
      #expect(state.settlements.allSatisfy { $0.status == .accepted })
    }
  }
}
