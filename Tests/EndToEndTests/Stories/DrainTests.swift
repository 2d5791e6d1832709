import BatonClient
import BatonMetadataDouble
import BatonShared
import BatonTestSupport
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct DrainTests {
  enum Way: String, CaseIterable, Sendable {
    case signal, operatorAtWorker, operatorAtCoordinator, simulation, spotNotice
  }

  @Test(arguments: Way.allCases)
  func aWorkerThatMustGoFinishesWhatItHasAndTakesNothingMore(_ way: Way) async throws {
    try await MetadataDouble.with { imds, address in
      try await Fleet.with { fleet in try await drain(fleet, way, imds, address) }
    }
  }

  private func drain(_ fleet: Fleet, _ way: Way, _ imds: MetadataDouble, _ address: String) async throws {
    let coordinator = try await fleet.startCoordinator(lease: 6, heartbeat: 0.2)
    let worker = try await fleet.startWorker(
      "worker", for: coordinator, slots: 2, grace: 60,
      environment: [
        "SPOT_WATCHER_ENABLED": way == .spotNotice ? "true" : "false", "IMDS_URL": address,
        "POLL_INTERVAL_SECONDS": "0.1",
      ])
    let workerID = try await fleet.workerID(of: worker, at: coordinator)
    // A slot stays free: it is the drain that keeps the second job waiting, not the want of room.
    let id = try await fleet.submit(.steps(40, seconds: 0.05), to: coordinator)
    try await fleet.wait(for: id, at: coordinator, "progress") { $0.progress != nil }

    switch way {
    case .signal: worker.signal(SIGTERM)
    case .operatorAtWorker:
      #expect(try await call("POST", worker.address + "/drain").status == 202)
    case .operatorAtCoordinator:
      #expect(try await call("POST", "\(coordinator.address)/workers/\(workerID)/drain").status == 200)
    case .simulation: try await tell(worker, secondsLeft: 60)
    case .spotNotice: imds.announce(action: "terminate", seconds: 60)
    }
    try await eventually("/ready saying no") { await fleet.readiness(of: worker) == 503 }
    let late = try await fleet.submit(.noop, to: coordinator)
    #expect(try await worker.waitForEnd() == .exited(0))

    let job = try await fleet.job(id, at: coordinator)
    #expect(job.status == .done && job.attempt == 1)
    let waiting = try await fleet.job(late, at: coordinator)
    #expect(waiting.status == .queued && waiting.failures + waiting.losses + waiting.interruptions == 0)
    // It may have been on its way to the worker when the drain began; then it came back as it was.
    #expect(try await fleet.attempts(late, at: coordinator).allSatisfy { $0.outcome == .released })
    #expect(!worker.log.contains("a job starts attempt=1 job=\(late)"))
    let snapshot = try await send(.worker(workerID), to: coordinator.address)
    #expect(snapshot.state != .active && snapshot.leases == 0)
    #expect(snapshot.interruption?.source == Self.source(way), "\(String(describing: snapshot.interruption))")

    _ = try await fleet.startWorker("successor", for: coordinator)
    #expect(try await fleet.finish(late, at: coordinator).status == .done)
  }

  /// Gives a worker notice that its machine will be taken away.
  private func tell(_ worker: RunningProcess, secondsLeft: Int) async throws {
    let body = Array(#"{"action":"terminate","seconds":\#(secondsLeft)}"#.utf8)
    let reply = try await call("POST", worker.address + "/simulate/interruption", body: body)
    #expect(reply.status == 202, "\(reply.text)")
  }

  private static func source(_ way: Way) -> String {
    switch way {
    case .signal: "sigterm"
    case .operatorAtWorker: "operator"
    case .operatorAtCoordinator: "coordinator"
    case .simulation: "simulated"
    case .spotNotice: "ec2_spot"
    }
  }

  @Test func aJobThatCannotFinishIsHandedBackBeforeTheNoticeRunsOut() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 6, heartbeat: 0.2)
      let worker = try await fleet.startWorker("worker", for: coordinator, slots: 3)
      // One that saves, one that is stopped, one that takes no notice at all.
      let jobs: [JobSubmission] = [
        .steps(100_000, seconds: 0.02), JobSubmission(kind: "sleep", payload: try .init(parsing: #"{"seconds":600}"#)),
        try .shell("trap '' TERM; while :; do sleep 0.1; done"),
      ]
      var ids: [JobID] = []
      for job in jobs { ids.append(try await fleet.submit(job, to: coordinator)) }
      for id in ids { try await fleet.started(id, on: worker) }
      // By the record, whose clock is this machine's: how long the process takes to exit is another matter.
      let told = Date()
      try await tell(worker, secondsLeft: 4)
      #expect(try await worker.waitForEnd() == .exited(0))
      for id in ids {
        let endedAt = try #require(try await fleet.attempts(id, at: coordinator).first?.endedAt)
        let took = Double(endedAt.microseconds) / 1e6 - told.timeIntervalSince1970
        #expect(took < 4, "handed back after \(took) s")
        let job = try await fleet.job(id, at: coordinator)
        #expect(job.status == .queued && job.failures == 0 && job.losses == 0 && job.interruptions == 1)
        try await fleet.expectOutcomes([.interrupted], of: id, at: coordinator)
      }
      let saved = try await send(.checkpoint(ids[0]), to: coordinator.address)
      #expect(!saved.bytes.isEmpty)
    }
  }

  @Test func fiftyJobsOnFiveWorkersThatAreToldAtOnceAreAllFinishedOrHandedBack() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 10, heartbeat: 0.5)
      var workers: [RunningProcess] = []
      for index in 1...5 { workers.append(try await fleet.startWorker("worker\(index)", for: coordinator, slots: 10)) }
      // Half of them can finish within the notice, as far as the machine lets them; half cannot.
      let jobs = (0..<50).map { JobSubmission.steps($0.isMultiple(of: 2) ? 60 : 100_000, seconds: 0.05) }
      _ = try await send(.submit(jobs), to: coordinator.address)
      try await eventually("all of them at work") {
        try await fleet.count("select count(*) from attempts where progress_fraction is not null") == 50
      }
      let told = ContinuousClock.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in workers {
          group.addTask {
            try await tell(worker, secondsLeft: 8)
            let ending = try await worker.waitForEnd()
            #expect(ending == .exited(0))
          }
        }
        try await group.waitForAll()
      }
      let took = ContinuousClock.now - told
      #expect(took < .seconds(8), "\(took)")
      #expect(try await fleet.count("select count(*) from attempts where outcome is null") == 0)
      #expect(try await fleet.count("select count(*) from jobs where failures + losses > 0") == 0)
      let done = try await fleet.count("select count(*) from jobs where status = 'done'")
      #expect(done <= 25, "\(done)")
      let handedBack = "status = 'queued' and interruptions = 1"
      #expect(try await fleet.count("select count(*) from jobs where \(handedBack)") == 50 - done)
      // Each with what it had done.
      #expect(
        try await fleet.count("select count(*) from jobs join checkpoints on job_id = id where \(handedBack)")
          == 50 - done)
    }
  }

  @Test func whatAnIdleWorkerIsGivenInItsLastMomentIsHandedBackUnrun() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 30)
      // Every round another worker waits, and jobs come at the very moment at which it is told to go.
      for round in 1...4 {
        let worker = try await fleet.startWorker("worker\(round)", for: coordinator, slots: 4)
        for index in 0..<10 {
          async let job = fleet.submit(.noop, to: coordinator)
          // Some jobs later each round, so that the two meet at one point or another.
          if index == 3 * (round - 1) { worker.signal(SIGTERM) }
          _ = try await job
        }
        #expect(try await worker.waitForEnd() == .exited(0))
      }
      // Nothing hangs on a lease that nobody holds, and nothing was lost on the way.
      #expect(try await fleet.count("select count(*) from attempts where outcome is null") == 0)
      #expect(try await fleet.count("select count(*) from attempts where outcome not in ('done', 'released')") == 0)
      #expect(try await fleet.count("select count(*) from jobs where status not in ('done', 'queued')") == 0)
      #expect(try await fleet.count("select count(*) from jobs") == 40)
      _ = try await fleet.startWorker("last", for: coordinator, slots: 4)
      try await eventually("the end of all jobs") {
        try await fleet.count("select count(*) from jobs where status = 'done' and failures + losses = 0") == 40
      }
    }
  }
}
