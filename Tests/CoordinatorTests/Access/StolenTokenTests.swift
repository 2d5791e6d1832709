import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// What somebody cannot do who has got hold of a token.
@Suite(.serialized) struct StolenTokenTests {
  /// What a thief has to do with: somebody else's job that runs, and a token like that of its worker.
  private struct Theft: Sendable {
    let owner: API
    /// Somebody with the worker's token, who does not know the lease.
    let thief: API
    /// The worker that holds the job.
    let worker: API
    let job: JobID
    let lease: LeaseID

    /// The job has noticed nothing: it runs on, and is done when its worker says so.
    func expectNothingHappened() async throws {
      let now = try await owner.job(job)
      #expect(now.status == .processing && now.attempt == 1 && now.checkpoint?.sequence == 1)
      #expect(try await owner.get("/jobs/\(job)/checkpoint").text == "state")
      #expect(try await owner.get("/jobs/\(job)/logs").text == "secret line")
      #expect(try await worker.settle(lease) == .accepted)
      #expect(try await owner.job(job).status == .done)
    }
  }

  private static func withStolenWorkToken(_ body: @Sendable @escaping (Theft) async throws -> Void) async throws {
    let tokens = try TokenFile()
    defer { tokens.remove() }
    try await RunningCoordinator.run(configuration: .testing { $0.tokensFile = tokens.path }) {
      coordinator, _ async throws in
      let owner = coordinator.api.with(token: tokens[.submit])
      let worker = coordinator.api.with(token: tokens[.work])
      let job = try await owner.submit(#"{"kind":"test","payload":{"secret":"of-a-job"},"tags":{"t":"secret-tag"}}"#)
      let lease = try #require(try await worker.lease("honest").first).leaseID
      #expect(try await worker.send("PUT", "/leases/\(lease)/checkpoint", Array("state".utf8)).status == 200)
      #expect(try await worker.post("/leases/\(lease)/logs", "secret line").status == 204)
      try await body(Theft(owner: owner, thief: worker, worker: worker, job: job.id, lease: lease))
    }
  }

  /// What a thief may know or make up, and is no lease: the job's id, what stands for an id withheld, any id, no id.
  private static func guesses(_ theft: Theft) -> [String] {
    ["\(theft.job)", "\(LeaseID.withheld)", "\(LeaseID())", "1"]
  }

  @Test func aWorkersTokenReadsNoPayloadThatItDoesNotHold() async throws {
    try await Self.withStolenWorkToken { theft in
      for path in [
        "/jobs", "/jobs/\(theft.job)", "/jobs/\(theft.job)/attempts", "/queues", "/workers", "/workers/honest",
        "/stats", "/leases", "/leases/\(theft.job)",
      ] {
        let answer = try await theft.thief.get(path)
        #expect([403, 404, 405].contains(answer.status), "GET \(path)")
        #expect(!answer.text.contains("secret") && !answer.text.contains("honest"), "GET \(path)")
      }
      // What it leases is another job, if there is one.
      #expect(try await theft.thief.lease("thief", max: 1000).isEmpty)
      let other = try await theft.owner.submit()
      #expect(try await theft.thief.lease("thief", max: 1000).map(\.jobID) == [other.id])
      try await theft.expectNothingHappened()
    }
  }

  @Test func aWorkersTokenSubmitsNothing() async throws {
    try await Self.withStolenWorkToken { theft in
      #expect(try await theft.thief.post("/jobs", #"{"kind":"test"}"#).problem().knownCode == .forbidden)
      #expect(
        try await theft.thief.post("/jobs/batch", #"{"jobs":[{"kind":"test"}]}"#).problem().knownCode == .forbidden)
      #expect(try await theft.thief.post("/jobs/\(theft.job)/retry").problem().knownCode == .forbidden)
      #expect(try await theft.owner.get("/stats").read(Statistics.self).jobs[.queued] == 0)
      try await theft.expectNothingHappened()
    }
  }

  @Test func aWorkersTokenEndsNobodysLease() async throws {
    try await Self.withStolenWorkToken { theft in
      for outcome in ["done", "failed", "released"] {
        for guess in Self.guesses(theft).compactMap({ LeaseID($0) }) {
          #expect(try await theft.thief.settle(guess, outcome) == .lost)
        }
      }
      let pulse = try await theft.thief.post(
        "/workers/thief/heartbeat", #"{"state":"active","leases":[{"lease_id":"\#(theft.job)"}]}"#
      ).read(HeartbeatReply.self)
      #expect(pulse.leases.map(\.status) == [.lost])
      #expect(try await theft.thief.post("/jobs/\(theft.job)/cancel").problem().knownCode == .forbidden)
      try await theft.expectNothingHappened()
    }
  }

  /// With a worker's id somebody may speak for it; what it holds stays its own.
  @Test func whoPosesAsAWorkerTakesNothingFromIt() async throws {
    try await Self.withStolenWorkToken { theft in
      let registered = try await theft.thief.send(
        "PUT", "/workers/honest", Array(#"{"slots":1,"kinds":["other"],"queues":["other"]}"#.utf8))
      #expect(registered.status == 200)
      for state in ["draining", "gone"] {
        let pulse = try await theft.thief.post("/workers/honest/heartbeat", #"{"state":"\#(state)","leases":[]}"#)
        #expect(pulse.status == 200)
        #expect(try pulse.read(HeartbeatReply.self).leases.isEmpty, "it is told of no lease")
      }
      let renewal = try await theft.worker.post(
        "/workers/honest/heartbeat", #"{"state":"active","leases":[{"lease_id":"\#(theft.lease)"}]}"#)
      #expect(try renewal.read(HeartbeatReply.self).leases.map(\.status) == [.held])
      try await theft.expectNothingHappened()
    }
  }

  @Test func aWorkersTokenReachesNoCheckpointOrLogOfOthers() async throws {
    try await Self.withStolenWorkToken { theft in
      for path in ["/jobs/\(theft.job)/checkpoint", "/jobs/\(theft.job)/logs"] {
        let answer = try await theft.thief.get(path)
        #expect(try answer.problem().knownCode == .forbidden, "GET \(path)")
        #expect(!answer.text.contains("secret") && !answer.text.contains("state"), "GET \(path)")
      }
      for guess in Self.guesses(theft) {
        let mine = Array("mine".utf8)
        #expect(try await theft.thief.get("/leases/\(guess)/checkpoint").problem().knownCode == .leaseLost)
        #expect(
          try await theft.thief.send("PUT", "/leases/\(guess)/checkpoint", mine).problem().knownCode == .leaseLost)
        #expect(try await theft.thief.send("POST", "/leases/\(guess)/logs", mine).problem().knownCode == .leaseLost)
      }
      try await theft.expectNothingHappened()
    }
  }

  @Test func aWorkersTokenOperatesNothing() async throws {
    try await Self.withStolenWorkToken { theft in
      for path in [
        "/queues/default/pause", "/queues/default/resume", "/workers/honest/drain", "/drain", "/shutdown",
      ] {
        #expect(try await theft.thief.post(path).problem().knownCode == .forbidden, "POST \(path)")
      }
      try await theft.expectNothingHappened()
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

  @Test func leaseIDsCannotBeGuessed() {
    var seen: Set<LeaseID> = []
    var ones = [Int](repeating: 0, count: 128)
    for _ in 0..<2000 {
      let id = LeaseID()
      #expect(seen.insert(id).inserted)
      let text = Array("\(id)")
      #expect(text[14] == "7" && "89ab".contains(text[19]), "version 7, variant of RFC 9562")
      withUnsafeBytes(of: id.uuid.uuid) { bytes in
        for bit in 0..<128 where bytes[bit / 8] & (0x80 >> UInt8(bit % 8)) != 0 { ones[bit] += 1 }
      }
    }
    // Of 2000 fair coins, fewer than 700 heads are less likely than one in 10⁴⁰.
    let fair = Array(52..<64) + Array(66..<128)
    #expect(fair.count == 74)
    for bit in fair { #expect((700...1300).contains(ones[bit]), "bit \(bit)") }
  }
}
