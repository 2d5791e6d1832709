import AsyncHTTPClient
import BatonJSON
import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct WorkerAPITests {
  /// Starts a long poll that is answered because of `cause`, and returns with what, and how long after it.
  private func pollUntil(
    _ api: API, worker: String = "w-poll", queues: String = #"["default"]"#,
    _ cause: @Sendable () async throws -> Void
  ) async throws -> (leases: [LeaseGrant], delay: Duration) {
    async let answer = api.lease(worker, wait: 30, queues: queues)
    try await api.untilWaiting(1)
    let start = ContinuousClock.now
    try await cause()
    let leases = try await answer
    return (leases, ContinuousClock.now - start)
  }

  @Test func aLongPollIsAnsweredByAnEnqueue() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let single = try await pollUntil(api) { try await api.submit() }
      #expect(single.leases.count == 1)
      let batch = try await pollUntil(api) { _ = try await api.post("/jobs/batch", #"{"jobs":[{"kind":"a"}]}"#) }
      #expect(batch.leases.count == 1)
    }
  }

  @Test func aLongPollIsAnsweredByARelease() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      try await api.submit()
      for outcome in ["released", "interrupted"] {
        let held = try #require(try await api.lease("w-holder").first)
        let (leases, _) = try await pollUntil(api) { () async throws in
          #expect(try await api.settle(held.leaseID, outcome) == .accepted)
        }
        #expect(leases.map(\.jobID) == [held.jobID])
        #expect(try await api.settle(try #require(leases.first).leaseID, "released") == .accepted)
      }
    }
  }

  @Test func aLongPollIsAnsweredByARetryAndAResume() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let job = try await api.submit()
      _ = try await api.post("/jobs/\(job.id)/cancel")
      let retried = try await pollUntil(api) { _ = try await api.post("/jobs/\(job.id)/retry") }
      #expect(retried.leases.map(\.jobID) == [job.id])

      #expect(try await api.post("/queues/default/pause").status == 200)
      try await api.submit()
      #expect(try await api.lease().isEmpty)
      let resumed = try await pollUntil(api) { () async throws in
        #expect(try await api.post("/queues/default/resume").status == 200)
      }
      #expect(resumed.leases.count == 1)
    }
  }

  @Test func aLongPollIsAnsweredByAnExpiryAtMostTwoSecondsLate() async throws {
    let configuration = CoordinatorConfiguration.testing { configuration in
      configuration.leaseTTLSeconds = 2
      configuration.heartbeatSeconds = 0.5
    }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, database async throws in
      let api = coordinator.api
      let job = try await api.submit()
      let lost = try #require(try await api.lease("w-silent").first)
      // Nobody renews it.
      let again = try await pollUntil(api) {}
      #expect(again.leases.map(\.jobID) == [job.id] && again.leases.map(\.attempt) == [2])
      #expect(try await api.settle(lost.leaseID) == .lost)
      let connection = try await database.connect()
      let late = try await connection.query(
        "select extract(epoch from ended_at - expires_at)::float8 from attempts where attempt = 1")[0].double(0)
      #expect(late >= 0 && late < 2)
      await connection.close()
    }
  }

  @Test func aLongPollIsAnsweredBySQLAndByWhatComesDue() async throws {
    try await RunningCoordinator.run { coordinator, database async throws in
      let api = coordinator.api
      let connection = try await database.connect()
      let committed = try await pollUntil(api) {
        try await connection.query("select baton_enqueue(kind => 'sql')")
      }
      #expect(committed.leases.map(\.kind) == ["sql"])
      // Woken at the commit, not before.
      let rolledBack = try await pollUntil(api) {
        try await connection.execute(script: "begin; select baton_enqueue(kind => 'never'); rollback")
        try await connection.execute(script: "begin; select baton_enqueue(kind => 'committed'); commit")
      }
      #expect(rolledBack.leases.map(\.kind) == ["committed"])
      let delayed = try await pollUntil(api) { try await api.submit(#"{"kind":"later","delay_seconds":0.3}"#) }
      #expect(delayed.leases.map(\.kind) == ["later"] && delayed.delay >= .milliseconds(300))
      await connection.close()
    }
  }

  @Test func aLongPollEndsEmptyWhenItsTimeIsOver() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let start = ContinuousClock.now
      #expect(try await coordinator.api.lease(wait: 0.4).isEmpty)
      let waited = ContinuousClock.now - start
      #expect(waited >= .milliseconds(400) && waited < .seconds(5))
      #expect(try await coordinator.api.lease(wait: 0).isEmpty)
    }
  }

  @Test func aPollWhoseClientHasGoneTakesNoJob() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let gone = Task { try await api.lease("w-gone", wait: 60) }
      try await api.untilWaiting(1)
      gone.cancel()
      await #expect(throws: (any Error).self) { try await gone.value }
      try await api.untilWaiting(0)
      let job = try await api.submit()
      let lease = try #require(try await api.lease("w-2").first)
      #expect(lease.jobID == job.id && lease.attempt == 1)
      #expect(try await api.metric("baton_leases_handed_back_total") == 0)
    }
  }

  @Test func twoCoordinatorsAreOne() async throws {
    try await RunningCoordinator.run { first, database async throws in
      try await RunningCoordinator.run(databaseURL: database.url) { second async throws in
        try await second.api.untilReady()
        for _ in 0..<3 {
          let (leases, _) = try await pollUntil(second.api) { try await first.api.submit() }
          let lease = try #require(leases.first)
          // Heartbeat, checkpoint and settle at either.
          let heartbeat = #"{"state":"active","leases":[{"lease_id":"\#(lease.leaseID)"}]}"#
          let reply = try await first.api.post("/workers/w-poll/heartbeat", heartbeat).read(HeartbeatReply.self)
          #expect(reply.leases.map(\.status) == [.held])
          #expect(try await first.api.send("PUT", "/leases/\(lease.leaseID)/checkpoint", [1]).status == 200)
          #expect(try await first.api.settle(lease.leaseID) == .accepted)
          #expect(try await second.api.settle(lease.leaseID) == .accepted)
          #expect(try await second.api.job(lease.jobID).status == .done)
        }

        // A drain that one is told of ends the long poll at the other, and is heard with the next heartbeat there.
        async let answer = second.api.post("/leases", #"{"worker_id":"w-poll","max":1,"wait_seconds":30}"#)
        try await second.api.untilWaiting(1)
        #expect(try await first.api.post("/workers/w-poll/drain").read(WorkerSnapshot.self).state == .draining)
        #expect(try await answer.problem().knownCode == .workerDraining)
        let reply = try await second.api.post("/workers/w-poll/heartbeat", #"{"state":"active","leases":[]}"#)
        #expect(try reply.read(HeartbeatReply.self).drain)
        // A pause counts at both.
        #expect(try await second.api.post("/queues/default/pause").status == 200)
        try await first.api.submit()
        #expect(try await first.api.lease("w-x").isEmpty)
        let (resumed, _) = try await pollUntil(first.api, worker: "w-x") {
          _ = try await second.api.post("/queues/default/resume")
        }
        #expect(resumed.count == 1)
      }
    }
  }

  @Test func workersAreShownAndDrained() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      _ = try await api.put("/workers/w-1", #"{"capacity_type":"on_demand","slots":3,"queues":["default"]}"#)
      try await api.submit(#"{"kind":"a","placement":"on_demand"}"#)
      try await api.submit(#"{"kind":"a","placement":"spot"}"#)
      #expect(try await api.lease("w-unknown", max: 5).isEmpty)
      let lease = try #require(try await api.lease("w-1", max: 5).first)
      let workers = try await api.get("/workers").read(WorkerList.self).workers
      #expect(Set(workers.map(\.id)) == ["w-1", "w-unknown"])
      let shown = try await api.get("/workers/w-1").read(WorkerSnapshot.self)
      #expect(shown.leases == 1 && shown.state == .active && shown.registration.capacityType == .onDemand)
      #expect(try await api.get("/workers/nobody").problem().knownCode == .notFound)
      #expect(try await api.post("/workers/nobody/drain").problem().knownCode == .notFound)

      #expect(try await api.post("/workers/w-1/drain").read(WorkerSnapshot.self).state == .draining)
      let refused = try await api.post("/leases", #"{"worker_id":"w-1"}"#).problem()
      #expect(refused.status == 409 && refused.knownCode == .workerDraining && refused.detail.contains("w-1"))
      let heartbeat =
        #"{"state":"draining","interruption":{"source":"s","action":"a","seconds_left":9.5},"leases":[{"lease_id":"\#(lease.leaseID)"}]}"#
      let reply = try await api.post("/workers/w-1/heartbeat", heartbeat).read(HeartbeatReply.self)
      #expect(reply.drain && reply.leases.map(\.status) == [.held])
      let told = try await api.get("/workers/w-1").read(WorkerSnapshot.self)
      #expect(told.interruption == InterruptionReport(source: "s", action: "a", secondsLeft: 9.5))
      #expect(try await api.settle(lease.leaseID, "interrupted") == .accepted)
      let statistics = try await api.get("/stats").read(Statistics.self)
      #expect(statistics.jobs[.queued] == 2 && statistics.jobs[.processing] == 0)
      #expect(statistics.workers == [.active: 1, .draining: 1, .gone: 0])
      let queues = try await api.get("/queues").read(QueueList.self).queues
      #expect(queues.map(\.name) == ["default"] && queues[0].counts[.queued] == 2)
      #expect(queues[0].oldestQueuedSeconds != nil)
    }
  }

  /// Any account of the database can notify, whatever it may read and write.
  @Test func aForgedNotificationDrainsNobody() async throws {
    try await RunningCoordinator.run { coordinator, database async throws in
      let sql = try await database.connect()
      async let leases = coordinator.api.lease("w-1", wait: 60)
      try await coordinator.api.untilWaiting(1)
      for payload in ["x:w-1", "x:", "w-1", ":", "x:nobody", "x:w-1:", "x:w 1"] {
        try await sql.query("select pg_notify('baton_workers', $1)", .text(payload))
      }
      for payload in ["x:,", "x", "x:\u{1F468}", ":*"] {
        try await sql.query("select pg_notify('baton_jobs', $1)", .text(payload))
      }
      // Notifications come in their order: this one finds it waiting still.
      try await sql.query("select baton_enqueue(kind => 'test')")
      #expect(try await leases.count == 1)
      let workers = try await coordinator.api.get("/workers").read(WorkerList.self).workers
      #expect(workers.map(\.id) == ["w-1"] && workers.map(\.state) == [.active])
    }
  }

  @Test func whatIsNotInForceIsLost() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      try await api.submit()
      let settled = try #require(try await api.lease().first).leaseID
      #expect(try await api.settle(settled, "done") == .accepted)
      for lease in ["\(settled)", "\(LeaseID())", "nonsense"] {
        for answer in [
          try await api.send("PUT", "/leases/\(lease)/checkpoint", [1]),
          try await api.post("/leases/\(lease)/logs", "x"),
          try await api.get("/leases/\(lease)/checkpoint"),
        ] {
          let problem = try answer.problem()
          #expect(problem.status == 409 && problem.knownCode == .leaseLost, "\(lease)")
        }
      }
      let other = LeaseID()
      let reply = try await api.post(
        "/leases/settle",
        #"{"results":[{"lease_id":"\#(other)","outcome":"done"},{"lease_id":"\#(settled)","outcome":"failed"},{"lease_id":"\#(settled)","outcome":"done"}]}"#
      ).read(SettleReply.self)
      #expect(reply.results.map(\.status) == [.lost, .lost, .accepted])
      #expect(reply.results.map(\.leaseID) == [other, settled, settled])
      // No checkpoint yet is something else than no lease.
      try await api.submit()
      let held = try #require(try await api.lease().first).leaseID
      #expect(try await api.get("/leases/\(held)/checkpoint").problem().knownCode == .notFound)
    }
  }
}
