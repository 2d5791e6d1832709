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
        // Two of its six connections are for those who look; the other readers wait for these.
        try await eventually("readers that wait") {
          try await watcher.query(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
            """)[0].int(0) == 2
        }
        let heartbeat = #"{"state":"active","leases":[{"lease_id":"\#(held.leaseID)"}]}"#
        let reply = try await api.post("/workers/w-1/heartbeat", heartbeat).read(HeartbeatReply.self)
        #expect(reply.leases.map(\.status) == [.held])
        // However slow this machine is, this one is not to expire.
        let keeper = Task {
          while !Task.isCancelled {
            _ = try? await api.post("/workers/w-1/heartbeat", heartbeat)
            try? await Task.sleep(for: .seconds(1))
          }
        }
        defer { keeper.cancel() }
        #expect(try await api.get("/ready").status == 200)
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

  /// Somebody works at the table of workers with psql.
  @Test func leasesAreRenewedAndSettledWhileWorkersAreLocked() async throws {
    try await RunningCoordinator.run { coordinator, database async throws in
      let api = coordinator.api
      for _ in 0..<2 { try await api.submit() }
      let leases = try await api.lease("w-1", max: 2).map(\.leaseID)
      try #require(leases.count == 2)
      let locker = try await database.connect()
      try await locker.execute(script: "begin; lock table workers in access exclusive mode")
      let heartbeat = #"{"state":"active","leases":[{"lease_id":"\#(leases[0])"}]}"#
      // More of them than there are connections.
      let replies = try await withThrowingTaskGroup(of: HeartbeatReply.self) { group in
        for worker in 1...20 {
          group.addTask {
            try await api.post("/workers/w-\(worker)/heartbeat", heartbeat).read(HeartbeatReply.self)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.allSatisfy { $0.leases.map(\.status) == [.held] && !$0.drain })
      #expect(try await api.settle(leases[1]) == .accepted)
      #expect(try await api.submit().status == .queued)
      #expect(try await api.get("/ready").status == 200)
      try await locker.execute(script: "rollback")
      await locker.close()
      // Those that had waited for the table may still be in front of it.
      try await eventually("an idle worker's heartbeat") {
        try await api.post("/workers/w-1/heartbeat", #"{"state":"active","leases":[]}"#).status == 200
      }
    }
  }
}
