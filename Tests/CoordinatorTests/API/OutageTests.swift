import BatonLocalPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// The database goes away and comes back; the coordinator stays.
@Suite(.serialized) struct OutageTests {
  private func withServer(_ body: (LocalPostgres) async throws -> Void) async throws {
    let server = try TestServer.makeServer()
    do {
      try await server.start()
      try await body(server)
    } catch {
      await server.shutdown()
      throw error
    }
    await server.shutdown()
  }

  @Test func anOutageIsToldQuicklyAndPassesByItself() async throws {
    try await withServer { server in
      try await RunningCoordinator.run(databaseURL: await server.url()) { coordinator async throws in
        let api = coordinator.api
        try await api.untilReady()
        let job = try await api.submit()
        let lease = try #require(try await api.lease().first)
        async let poll = api.post("/leases", #"{"worker_id":"w-2","queues":["later"],"wait_seconds":60}"#)
        try await api.untilWaiting(1)
        try await server.stop(mode: .immediate)

        let start = ContinuousClock.now
        let refused = try await api.post("/jobs", #"{"kind":"a"}"#)
        #expect(refused.status == 503)
        #expect(try refused.problem().knownCode == .databaseUnavailable)
        #expect(refused.headers.first(name: "retry-after") != nil)
        for answer in [
          try await api.get("/jobs/\(job.id)"), try await api.post("/leases", #"{"worker_id":"w-9"}"#),
          try await api.post("/leases/settle", #"{"results":[{"lease_id":"\#(lease.leaseID)","outcome":"done"}]}"#),
          try await api.send("PUT", "/leases/\(lease.leaseID)/checkpoint", [1]), try await api.get("/ready"),
        ] {
          #expect(answer.status == 503)
          #expect(try answer.problem().knownCode == .databaseUnavailable)
        }
        #expect(try await api.get("/health").status == 200)
        #expect(try await api.get("/metrics").status == 200)
        #expect(ContinuousClock.now - start < .seconds(5))
        // The one that waited was told as well, or still waits for its work.
        try await server.start()
        try await api.untilReady()
        #expect(try await api.job(job.id).status == .processing)
        #expect(try await api.settle(lease.leaseID) == .accepted)
        #expect(try await api.job(job.id).status == .done)
        let later = try await api.submit(#"{"kind":"a","queue":"later"}"#)
        let answer = try await poll
        if answer.status == 200 {
          #expect(try answer.read(LeaseGrants.self).leases.map(\.jobID) == [later.id])
        } else {
          #expect(try answer.problem().knownCode == .databaseUnavailable)
        }
      }
    }
  }

  @Test func aCoordinatorMayComeUpBeforeItsDatabase() async throws {
    try await withServer { server in
      try await server.stop()
      try await RunningCoordinator.run(databaseURL: await server.url()) { coordinator async throws in
        let api = coordinator.api
        #expect(try await api.get("/health").status == 200)
        let ready = try await api.get("/ready")
        #expect(ready.status == 503)
        #expect(try ready.problem().knownCode == .databaseUnavailable)
        let refused = try await api.post("/jobs", #"{"kind":"a"}"#)
        #expect(refused.status == 503)
        #expect(try refused.problem().knownCode == .databaseUnavailable)
        #expect(try await api.get("/metrics").status == 200)
        try await server.start()
        try await api.untilReady()
        let job = try await api.submit()
        #expect(try await api.lease().map(\.jobID) == [job.id])
      }
    }
  }
}
