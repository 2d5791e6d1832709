import BatonClient
import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct JobLifeTests {
  @Test func aJobFromSQLWakesAWaitingWorkerAtTheCommitAndNotBefore() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 30)
      _ = try await fleet.startWorker("worker", for: coordinator)
      try await eventually("the long poll") {
        try await call("GET", coordinator.address + "/metrics").text.contains("baton_lease_requests_waiting 1")
      }
      let connection = try await PostgresConnection.connect(
        PostgresConfiguration(url: fleet.databaseURL), logger: .quiet)
      try await connection.query("begin")
      let rows = try await connection.query(
        #"select baton_enqueue(kind => 'steps', payload => '{"steps":1,"step_seconds":0}')"#)
      let id = JobID(try #require(rows.first).uuid(0))
      #expect(try await call("GET", "\(coordinator.address)/jobs/\(id)").status == 404)
      try await connection.query("commit")
      let committed = ContinuousClock.now
      let job = try await fleet.finish(id, at: coordinator)
      #expect(job.status == .done && job.number("executed") == 1)
      #expect(ContinuousClock.now - committed < .seconds(5))

      // What is rolled back has never been.
      try await connection.query("begin")
      let dropped = try await connection.query("select baton_enqueue(kind => 'noop')")
      try await connection.query("rollback")
      await connection.close()
      #expect(try await call("GET", "\(coordinator.address)/jobs/\(JobID(dropped[0].uuid(0)))").status == 404)
    }
  }

  @Test func aDelayedJobIsRunWhenItIsDueAndNotBefore() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      _ = try await fleet.startWorker("worker", for: coordinator)
      let id = try await fleet.submit(JobSubmission.noop.with { $0.start = .after(1.5) }, to: coordinator)
      let other = try await fleet.submit(.noop, to: coordinator)
      #expect(try await fleet.finish(other, at: coordinator).status == .done)
      #expect(try await fleet.job(id, at: coordinator).status == .queued)
      let job = try await fleet.finish(id, at: coordinator)
      #expect(job.status == .done)
      let started = try #require(job.startedAt)
      #expect(started.microseconds >= job.runAt.microseconds)
      #expect(started.microseconds - job.runAt.microseconds < 3_000_000)
      #expect(job.runAt.microseconds - job.createdAt.microseconds == 1_500_000)
    }
  }

  @Test func aFailureIsTriedAgainLaterUntilItsBudgetIsUsedUp() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      _ = try await fleet.startWorker("worker", for: coordinator)
      let failing = try JobSubmission(
        kind: "steps", payload: .init(parsing: #"{"steps":3,"step_seconds":0,"fail_at":2}"#), maxAttempts: 2)
      let id = try await fleet.submit(failing, to: coordinator)
      let waiting = try await fleet.wait(for: id, at: coordinator, "the retry") { $0.failures == 1 }
      #expect(waiting.status == .queued && waiting.error?.code == "step_failed")
      let job = try await fleet.finish(id, at: coordinator)
      #expect(job.status == .failed && job.failures == 2 && job.error?.code == "step_failed")
      let attempts = try await fleet.attempts(id, at: coordinator)
      try #require(attempts.map(\.outcome) == [.failed, .failed])
      let pause = attempts[1].startedAt.microseconds - (try #require(attempts[0].endedAt)).microseconds
      #expect(pause >= 900_000 && pause < 5_000_000)

      // By hand it starts with fresh budgets.
      try await send(.pauseQueue("default"), to: coordinator.address)
      let again = try await send(.retry(id, discardCheckpoint: false), to: coordinator.address)
      #expect(again.status == .queued && again.failures == 0)
      try await send(.resumeQueue("default"), to: coordinator.address)
      #expect(try await fleet.finish(id, at: coordinator).failures == 2)
      #expect(try await fleet.attempts(id, at: coordinator).count == 4)
    }
  }

  @Test func anAttemptThatRunsTooLongIsTimedOut() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      _ = try await fleet.startWorker("worker", for: coordinator, slots: 2)
      let limits: @Sendable (inout JobSubmission) -> Void = { job in
        job.timeoutSeconds = 0.5
        job.maxAttempts = 1
      }
      let builtIn = try await fleet.submit(JobSubmission.steps(1000, seconds: 0.1).with(limits), to: coordinator)
      let program = try await fleet.submit(try JobSubmission.exec(["sleep", "300"]).with(limits), to: coordinator)
      for id in [builtIn, program] {
        let job = try await fleet.finish(id, at: coordinator)
        #expect(job.status == .failed && job.failures == 1 && job.error?.code == "timed_out")
        try await fleet.expectOutcomes([.timedOut], of: id, at: coordinator)
      }
    }
  }

  @Test func theHighestPriorityGoesFirstThenTheOldest() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      var ids: [JobID] = []
      for priority in [0, -5, 10, 0, 100, 10] {
        ids.append(try await fleet.submit(JobSubmission.noop.with { $0.priority = priority }, to: coordinator))
      }
      // What is leased in one statement starts at one time.
      _ = try await fleet.startWorker("worker", for: coordinator, environment: ["WORKER_PREFETCH": "0"])
      for id in ids { try await fleet.finish(id, at: coordinator) }
      let rows = try await fleet.sql("select job_id from attempts order by started_at")
      let order = try rows.map { row in JobID(try row.uuid(0)) }
      #expect(order == [4, 2, 5, 0, 3, 1].map { ids[$0] })
    }
  }

  @Test func aPausedQueueHandsNothingOutUntilItIsResumed() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      _ = try await fleet.startWorker("worker", for: coordinator, environment: ["WORKER_QUEUES": "default,other"])
      try await send(.pauseQueue("default"), to: coordinator.address)
      let held = try await fleet.submit(.noop, to: coordinator)
      // The same worker is not held up by it.
      let free = try await fleet.submit(JobSubmission.noop.with { $0.queue = "other" }, to: coordinator)
      #expect(try await fleet.finish(free, at: coordinator).status == .done)
      #expect(try await fleet.job(held, at: coordinator).status == .queued)
      let queues = try await send(.queues(), to: coordinator.address).queues
      #expect(queues.first { $0.name == "default" }?.paused == true)
      try await send(.resumeQueue("default"), to: coordinator.address)
      #expect(try await fleet.finish(held, at: coordinator).status == .done)
    }
  }

  @Test func aJobIsCancelledWhereverItIs() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(heartbeat: 0.2)
      let queued = try await fleet.submit(.noop, to: coordinator)
      #expect(try await send(.cancel(queued), to: coordinator.address).status == .cancelled)
      _ = try await fleet.startWorker("worker", for: coordinator)
      let runs = try await fleet.submit(.steps(10_000, seconds: 0.05), to: coordinator)
      try await fleet.running(runs, at: coordinator)
      #expect(try await send(.cancel(runs), to: coordinator.address).status == .processing)
      #expect(try await fleet.finish(runs, at: coordinator).status == .cancelled)
      // Its slot is free again.
      let next = try await fleet.submit(.noop, to: coordinator)
      #expect(try await fleet.finish(next, at: coordinator).status == .done)
      let refused = await #expect(throws: Problem.self) { try await send(.cancel(next), to: coordinator.address) }
      #expect(refused?.status == 409)
      #expect(try await fleet.attempts(queued, at: coordinator).isEmpty)
      // It can be had again, from its checkpoint or from the start.
      try await send(.retry(queued, discardCheckpoint: true), to: coordinator.address)
      #expect(try await fleet.finish(queued, at: coordinator).status == .done)
    }
  }

  @Test func aSubmissionRepeatedAcrossACrashIsOneJob() async throws {
    try await Fleet.with { fleet in
      let one = try await fleet.startCoordinator("one")
      let first = try await fleet.submit(.noop, to: one, key: "the-key")
      try await one.killAndWait()
      let other = try await fleet.startCoordinator("other")
      #expect(try await fleet.submit(.noop, to: other, key: "the-key") == first)
      #expect(try await fleet.count("select count(*) from jobs") == 1)
      let refused = await #expect(throws: Problem.self) {
        try await fleet.submit(.steps(1, seconds: 0), to: other, key: "the-key")
      }
      #expect(refused?.status == 409 && refused?.knownCode == .conflict)
    }
  }

  @Test func aJobForOnDemandCapacityWaitsForIt() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      _ = try await fleet.startWorker("spot", for: coordinator)
      let steady = try await fleet.submit(JobSubmission.noop.with { $0.placement = .onDemand }, to: coordinator)
      let cheap = try await fleet.submit(JobSubmission.noop.with { $0.placement = .spot }, to: coordinator)
      let any = try await fleet.submit(.noop, to: coordinator)
      // The spot worker takes what comes after it, and not this one.
      for id in [cheap, any] { #expect(try await fleet.finish(id, at: coordinator).status == .done) }
      #expect(try await fleet.job(steady, at: coordinator).status == .queued)
      let worker = try await fleet.startWorker(
        "steady", for: coordinator, environment: ["WORKER_CAPACITY_TYPE": "on_demand"])
      let job = try await fleet.finish(steady, at: coordinator)
      #expect(job.status == .done && job.workerID?.hasPrefix("\(worker.name)-") == true)
      let attempt = try await fleet.attempts(steady, at: coordinator)[0]
      #expect(attempt.capacityType == .onDemand)
    }
  }
}
