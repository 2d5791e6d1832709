import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// Whoever looks at jobs may take long over it; those who work do not notice.
@Suite struct SlowReadTests {
  @Test func whoLooksHoldsUpNobodyWhoWorks() async throws {
    let configuration = CoordinatorConfiguration.testing { $0.leaseTTLSeconds = 10 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, database async throws in
      let api = coordinator.api
      let silent = try await api.submit()
      let lost = try #require(try await api.lease("w-silent").first)
      try await api.submit()
      let held = try #require(try await api.lease("w-1").first)

      let locker = try await database.connect()
      // Not the same: what a transaction has seen of the other sessions stays as it was.
      let watcher = try await database.connect()
      try await locker.execute(script: "begin; lock table job_logs in access exclusive mode")
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<8 { group.addTask { try await api.get("/jobs/\(silent.id)/logs").status } }
        // One of its four connections is for those who look; the other readers wait for it.
        try await eventually("a reader that waits") {
          try await watcher.query(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
            """)[0].int(0) == 1
        }
        let heartbeat = #"{"state":"active","leases":[{"lease_id":"\#(held.leaseID)"}]}"#
        let reply = try await api.post("/workers/w-1/heartbeat", heartbeat).read(HeartbeatReply.self)
        #expect(reply.leases.map(\.status) == [.held])
        #expect(try await api.get("/ready").status == 200)
        #expect(try await api.put("/workers/w-2", #"{"slots":1,"queues":["default"]}"#).status == 200)
        let later = try await api.post(
          "/jobs", #"{"kind":"later","queue":"later","delay_seconds":0.2}"#, headers: ["Idempotency-Key": "a"])
        #expect(later.status == 201)
        let due = try await api.lease("w-2", wait: 30, queues: #"["later"]"#)
        #expect(due.map(\.kind) == ["later"], "what comes due is made ready")
        let again = try await api.lease("w-2", wait: 30)
        #expect(again.map(\.jobID) == [silent.id] && again.map(\.attempt) == [2], "the reaper goes on")
        #expect(try await api.settle(lost.leaseID) == .lost)
        #expect(try await api.settle(held.leaseID) == .accepted)
        try await locker.execute(script: "rollback")
        // Those for whom there was no connection in time were told to come again.
        for try await status in group { #expect(status == 200 || status == 503) }
      }
      await locker.close()
      await watcher.close()
      #expect(try await api.get("/jobs/\(silent.id)/logs").status == 200)
    }
  }
}
