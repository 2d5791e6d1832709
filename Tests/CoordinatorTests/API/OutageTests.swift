import BatonLocalPostgres
import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

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
          try await api.send("PUT", "/leases/\(lease.leaseID)/checkpoint", [1]),
        ] {
          #expect(answer.status == 503)
          #expect(try answer.problem().knownCode == .databaseUnavailable)
        }
        // Its answer is kept for a tenth of a second.
        try await eventually("readiness being withdrawn") { try await api.get("/ready").status == 503 }
        #expect(try await api.get("/ready").problem().knownCode == .databaseUnavailable)
        #expect(try await api.get("/health").status == 200)
        #expect(try await api.get("/metrics").status == 200)
        // All of them: a statement may take half a minute.
        #expect(ContinuousClock.now - start < .seconds(15))
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

  /// A database that hangs is as bad as none: who asks is told so, and does not have to find it out by waiting.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/stat")))
  func whileTheDatabaseIsSilentRequestsAreRefusedAtOnce() async throws {
    try await withServer { server in
      try await RunningCoordinator.run(databaseURL: await server.url()) { coordinator async throws in
        let api = coordinator.api
        try await api.untilReady()
        let job = try await api.submit()
        let processes = try await Self.stopAll(of: server)
        defer { for process in processes { kill(process, SIGCONT) } }
        // What is at the database at that moment stays there: it may have been done.
        async let inFlight = api.post("/jobs", #"{"kind":"a"}"#)
        try await eventually("the coordinator's noticing") {
          (try? await api.send("GET", "/jobs/\(job.id)", timeout: .seconds(1)))?.status == 503
        }

        let start = ContinuousClock.now
        for _ in 0..<10 {
          for answer in [
            try await api.post("/jobs", #"{"kind":"a"}"#), try await api.get("/jobs"),
            try await api.post("/leases", #"{"worker_id":"w","wait_seconds":20}"#),
            try await api.post("/workers/w/heartbeat", #"{"leases":[]}"#),
            try await api.put("/workers/w", "{}"),
          ] {
            #expect(answer.status == 503 && answer.headers.first(name: "retry-after") != nil)
            #expect(try answer.problem().knownCode == .databaseUnavailable)
          }
        }
        // Each for itself would have waited for five.
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(try await api.get("/health").status == 200)
        #expect(try await api.get("/ready").status == 503)

        for process in processes { kill(process, SIGCONT) }
        #expect([201, 503].contains(try await inFlight.status))
        try await eventually("an answer") { try await api.post("/jobs", #"{"kind":"b"}"#).status == 201 }
      }
    }
  }

  /// Has all processes of a server stand still: first the one that lets new clients in, then those that it has started.
  private static func stopAll(of server: LocalPostgres) async throws -> [Int32] {
    let postmaster = try #require(await server.pid)
    kill(postmaster, SIGSTOP)
    let names: [String]
    do {
      try await eventually("a server that starts nothing more") { status(of: postmaster)?.state == "T" }
      names = try FileManager.default.contentsOfDirectory(atPath: "/proc")
    } catch {
      // Standing still it could not be stopped.
      kill(postmaster, SIGCONT)
      throw error
    }
    let children = names.compactMap(Int32.init).filter { status(of: $0)?.parent == postmaster }
    for child in children { kill(child, SIGSTOP) }
    return [postmaster] + children
  }

  /// What `/proc` says of a process.
  private static func status(of process: Int32) -> (state: String, parent: Int32)? {
    // Behind the name, which is in brackets and may have any in it.
    let text = FileManager.default.contents(atPath: "/proc/\(process)/stat").map { String(decoding: $0, as: UTF8.self) }
    guard let text, let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 1, let parent = Int32(fields[1]) else { return nil }
    return (String(fields[0]), parent)
  }

  /// Nobody can renew while the database is away; those who still hold their jobs are to keep them.
  @Test func leasesThatExpiredDuringAnOutageCanBeRenewedAfterIt() async throws {
    try await withServer { server in
      let configuration = CoordinatorConfiguration.testing { $0.graceAfterOutage = .seconds(600) }
      let url = await server.url()
      try await RunningCoordinator.run(databaseURL: url, configuration: configuration) { coordinator async throws in
        let api = coordinator.api
        try await api.untilReady()
        let job = try await api.submit()
        let lease = try #require(try await api.lease().first)
        try await api.submit(#"{"kind":"a","queue":"other"}"#)
        let other = try #require(try await api.lease("w-2", queues: #"["other"]"#).first)
        let database = PostgresPool(configuration: PostgresConfiguration(url: url), size: 1, logger: .quiet)
        let expiry = try await database.query(
          """
          update attempts set expires_at = now() + interval '4 seconds'
          returning extract(epoch from expires_at)::float8
          """)[0].double(0)
        try await server.stop(mode: .immediate)
        // The outage has to last for longer than the lease does, of whose end only the clock tells meanwhile.
        try await eventually("the end of the lease") { Date.now.timeIntervalSince1970 > expiry }
        try await server.start()
        try await api.untilReady()

        // Leases that expire from now on are found as ever, so the reaper has passed the first by.
        try await eventually("the reaper") {
          try await database.query(
            "update attempts set expires_at = now() - interval '1 millisecond' where outcome is null and lease_id = $1",
            .uuid(other.leaseID.uuid))
          return try await api.job(other.jobID).status == .queued
        }
        #expect(try await api.job(job.id).status == .processing)
        let renewed = try await api.post(
          "/workers/w-1/heartbeat", #"{"state":"active","leases":[{"lease_id":"\#(lease.leaseID)"}]}"#)
        #expect(try renewed.read(HeartbeatReply.self).leases.map(\.status) == [.held])
        #expect(try await api.settle(lease.leaseID) == .accepted)
        let done = try await api.job(job.id)
        #expect(done.status == .done && done.losses == 0 && done.attempt == 1)
        await database.close()
      }
    }
  }

  @Test func aRestartDelaysTheEndOfADeadWorkersLeaseForTheGraceOnly() async throws {
    try await withServer { server in
      let url = await server.url()
      let jobID = try await RunningCoordinator.run(databaseURL: url) { coordinator async throws in
        try await coordinator.api.untilReady()
        let job = try await coordinator.api.submit()
        #expect(try await coordinator.api.lease("w-dead").count == 1)
        return job.id
      }
      let database = PostgresPool(configuration: PostgresConfiguration(url: url), size: 1, logger: .quiet)
      try await database.query("update attempts set expires_at = now()")
      let configuration = CoordinatorConfiguration.testing { $0.graceAfterOutage = .seconds(1) }
      try await RunningCoordinator.run(databaseURL: url, configuration: configuration) { coordinator async throws in
        let api = coordinator.api
        try await api.untilReady()
        try await eventually("the reaper") { try await api.job(jobID).status == .queued }
        #expect(try await api.metric("baton_leases_lost_total") == 1)
      }
      await database.close()
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
