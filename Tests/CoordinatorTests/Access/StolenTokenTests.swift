import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// What somebody cannot do who has got hold of a token.
@Suite(.serialized) struct StolenTokenTests {
  @Test func aWorkersTokenOpensOnlyTheJobsThatItLeases() async throws {
    let tokens = try TokenFile()
    defer { tokens.remove() }
    try await RunningCoordinator.run(configuration: .testing { $0.tokensFile = tokens.path }) {
      coordinator, _ async throws in
      let owner = coordinator.api.with(token: tokens[.submit])
      let thief = coordinator.api.with(token: tokens[.work])
      let job = try await owner.submit(#"{"kind":"test","payload":{"secret":"of-a-job"},"tags":{"t":"secret-tag"}}"#)
      let lease = try #require(try await thief.lease("honest").first)
      #expect(try await thief.send("PUT", "/leases/\(lease.leaseID)/checkpoint", Array("state".utf8)).status == 200)

      // The thief is somebody else with the same token, who does not know the lease.
      for path in [
        "/jobs", "/jobs/\(job.id)", "/jobs/\(job.id)/attempts", "/jobs/\(job.id)/checkpoint", "/jobs/\(job.id)/logs",
        "/queues", "/workers", "/workers/honest", "/stats", "/leases", "/leases/\(job.id)",
      ] {
        let answer = try await thief.get(path)
        #expect([403, 404, 405].contains(answer.status), "GET \(path)")
        #expect(!answer.text.contains("secret") && !answer.text.contains("honest"), "GET \(path)")
      }
      for path in [
        "/jobs/\(job.id)/cancel", "/jobs/\(job.id)/retry", "/queues/default/pause", "/workers/honest/drain", "/drain",
        "/shutdown",
      ] {
        #expect(try await thief.post(path).problem().knownCode == .forbidden, "POST \(path)")
      }
      #expect(try await thief.post("/jobs", #"{"kind":"test"}"#).problem().knownCode == .forbidden)
      #expect(try await thief.post("/jobs/batch", #"{"jobs":[{"kind":"test"}]}"#).problem().knownCode == .forbidden)

      // What it does know, or can make up, is no lease: the job's id, the attempt, all zeros.
      for guess in ["\(job.id)", "\(LeaseID.withheld)", "\(LeaseID())", "1"] {
        #expect(try await thief.get("/leases/\(guess)/checkpoint").problem().knownCode == .leaseLost)
        #expect(
          try await thief.send("PUT", "/leases/\(guess)/checkpoint", Array("mine".utf8)).problem().knownCode
            == .leaseLost)
        #expect(
          try await thief.send("POST", "/leases/\(guess)/logs", Array("mine".utf8)).problem().knownCode == .leaseLost)
      }
      #expect(try await thief.settle(LeaseID.withheld, "done") == .lost)
      #expect(try await thief.settle(LeaseID(job.id.uuid), "failed") == .lost)
      let pulse = try await thief.post(
        "/workers/honest/heartbeat", #"{"state":"active","leases":[{"lease_id":"\#(job.id)"}]}"#
      ).read(HeartbeatReply.self)
      #expect(pulse.leases.map(\.status) == [.lost])

      // The job has noticed nothing.
      let now = try await owner.job(job.id)
      #expect(now.status == .processing && now.attempt == 1 && now.checkpoint?.sequence == 1)
      #expect(try await owner.get("/jobs/\(job.id)/checkpoint").text == "state")
      #expect(try await owner.get("/jobs/\(job.id)/logs").text.isEmpty)
      #expect(try await thief.settle(lease.leaseID) == .accepted)
      #expect(try await owner.job(job.id).status == .done)
    }
  }

  @Test func aSubmittersTokenCannotWorkOrOperate() async throws {
    let tokens = try TokenFile()
    defer { tokens.remove() }
    try await RunningCoordinator.run(configuration: .testing { $0.tokensFile = tokens.path }) {
      coordinator, _ async throws in
      let thief = coordinator.api.with(token: tokens[.submit])
      let worker = coordinator.api.with(token: tokens[.work])
      let admin = coordinator.api.with(token: tokens[.admin])
      let job = try await thief.submit()
      let lease = try #require(try await worker.lease("honest").first)

      // It may read a job's whole story, but not the key to the lease that is in force.
      let shown = try await thief.get("/jobs/\(job.id)/attempts")
      #expect(!shown.text.contains("\(lease.leaseID)"))
      #expect(try shown.read(AttemptList.self).attempts.map(\.leaseID) == [LeaseID.withheld])
      let inFull = try await admin.get("/jobs/\(job.id)/attempts").read(AttemptList.self)
      #expect(inFull.attempts.map(\.leaseID) == [lease.leaseID])
      for path in ["/jobs/\(job.id)", "/jobs", "/workers", "/workers/honest", "/queues", "/stats", "/metrics"] {
        #expect(!(try await thief.get(path)).text.contains("\(lease.leaseID)"), "GET \(path)")
      }

      // Even with that key, it is not a worker.
      let id = lease.leaseID
      #expect(try await thief.get("/leases/\(id)/checkpoint").problem().knownCode == .forbidden)
      #expect(try await thief.put("/leases/\(id)/checkpoint", "x").problem().knownCode == .forbidden)
      #expect(try await thief.post("/leases/\(id)/logs", "x").problem().knownCode == .forbidden)
      #expect(
        try await thief.post("/leases/settle", #"{"results":[{"lease_id":"\#(id)","outcome":"done"}]}"#).problem()
          .knownCode == .forbidden)
      #expect(try await thief.post("/leases", #"{"worker_id":"w"}"#).problem().knownCode == .forbidden)
      #expect(try await thief.put("/workers/honest", "{}").problem().knownCode == .forbidden)
      #expect(
        try await thief.post("/workers/honest/heartbeat", #"{"state":"draining"}"#).problem().knownCode == .forbidden)
      for path in ["/workers/honest/drain", "/queues/default/pause", "/queues/default/resume", "/drain", "/shutdown"] {
        #expect(try await thief.post(path).problem().knownCode == .forbidden, "POST \(path)")
      }
      #expect(try await worker.settle(id) == .accepted)

      // Once the attempt has ended, its id is part of the story and opens nothing.
      let ended = try await thief.get("/jobs/\(job.id)/attempts").read(AttemptList.self)
      #expect(ended.attempts.map(\.leaseID) == [id])
      #expect(try await worker.get("/leases/\(id)/checkpoint").problem().knownCode == .leaseLost)
      #expect(try await worker.settle(id, "failed") == .lost)
    }
  }

  @Test func leaseIDsAreRandomUUIDs() {
    var seen: Set<LeaseID> = []
    var ones = [Int](repeating: 0, count: 128)
    for _ in 0..<2000 {
      let id = LeaseID()
      #expect(seen.insert(id).inserted)
      let text = Array("\(id)")
      #expect(text[14] == "4" && "89ab".contains(text[19]), "version 4, variant of RFC 9562")
      withUnsafeBytes(of: id.uuid.uuid) { bytes in
        for bit in 0..<128 where bytes[bit / 8] & (0x80 >> UInt8(bit % 8)) != 0 { ones[bit] += 1 }
      }
    }
    // Of 2000 fair coins, fewer than 700 heads are less likely than one in 10⁴⁰.
    for (bit, count) in ones.enumerated() where !(48..<52).contains(bit) && !(64..<66).contains(bit) {
      #expect((700...1300).contains(count), "bit \(bit)")
    }
  }
}
