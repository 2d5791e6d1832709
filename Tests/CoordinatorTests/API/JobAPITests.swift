import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct JobAPITests {
  @Test func aJobGoesItsWholeWay() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let answer = try await api.post(
        "/jobs", #"{"kind":"exec","payload":{"n": 12345678901234567890.10},"tags":{"a":"b"},"timeout_seconds":2.5}"#)
      let job = try answer.read(JobSnapshot.self, status: 201)
      #expect(answer.headers.first(name: "location") == "/jobs/\(job.id)")
      #expect(answer.text.contains(#""payload":{"n": 12345678901234567890.10}"#))
      #expect(job.status == .queued && Array(job.id.description)[14] == "7")
      // Every field of the contract is there, absent values as null.
      for field in [
        "id", "queue", "kind", "status", "payload", "priority", "placement", "on_interruption", "tags", "attempt",
        "max_attempts", "failures", "interruptions", "losses", "max_losses", "timeout_seconds", "progress",
        "checkpoint",
        "result", "error", "worker_id", "run_at", "created_at", "started_at", "finished_at",
      ] { #expect(answer.text.contains("\"\(field)\":"), "\(field)") }
      #expect(answer.text.contains(#""result":null"#) && answer.text.contains(#""checkpoint":null"#))

      let receipt = try await api.put("/workers/w-1", #"{"hostname":"h","capacity_type":"spot","slots":2,"future":1}"#)
        .read(RegistrationReceipt.self)
      #expect(receipt == RegistrationReceipt(leaseTTLSeconds: 300, heartbeatSeconds: 100))
      let lease = try #require(try await api.lease().first)
      #expect(
        lease.jobID == job.id && lease.payload == job.payload && lease.attempt == 1 && lease.leaseTTLSeconds == 300)
      #expect(lease.timeoutSeconds == 2.5 && lease.checkpoint == nil)

      let heartbeat =
        #"{"state":"active","leases":[{"lease_id":"\#(lease.leaseID)","progress":{"fraction":0.5,"message":"half"}}]}"#
      let reply = try await api.post("/workers/w-1/heartbeat", heartbeat).read(HeartbeatReply.self)
      #expect(!reply.drain && reply.leases == [.init(leaseID: lease.leaseID, status: .held)])
      #expect(try await api.job(job.id).progress == .init(fraction: 0.5, message: "half"))

      let saved = try await api.send(
        "PUT", "/leases/\(lease.leaseID)/checkpoint", [0, 1, 255], headers: ["Content-Type": "application/x-model"])
      #expect(try saved.read(CheckpointReceipt.self).sequence == 1)
      for path in ["/leases/\(lease.leaseID)/checkpoint", "/jobs/\(job.id)/checkpoint"] {
        let checkpoint = try await api.get(path)
        #expect(checkpoint.status == 200 && checkpoint.bytes == [0, 1, 255])
        #expect(checkpoint.headers.first(name: "content-type") == "application/x-model")
        #expect(checkpoint.headers.first(name: "baton-checkpoint-sequence") == "1")
      }
      #expect(try await api.post("/leases/\(lease.leaseID)/logs", "héllo\n").status == 204)
      let log = try await api.get("/jobs/\(job.id)/logs?attempt=1")
      #expect(log.text == "héllo\n" && log.headers.first(name: "content-type")?.hasPrefix("text/plain") == true)
      #expect(try await api.get("/jobs/\(job.id)/logs?attempt=2").text == "")
      #expect(try await api.get("/jobs/\(job.id)/logs").text == "héllo\n")

      let settle = #"{"results":[{"lease_id":"\#(lease.leaseID)","outcome":"done","result":[1.50]}]}"#
      for _ in 0..<2 {
        let settled = try await api.post("/leases/settle", settle).read(SettleReply.self)
        #expect(settled.results == [.init(leaseID: lease.leaseID, status: .accepted)])
      }
      let done = try await api.job(job.id)
      #expect(done.status == .done && done.result?.description == "[1.50]" && done.workerID == "w-1")
      #expect(done.finishedAt != nil && done.startedAt != nil)
      let attempts = try await api.get("/jobs/\(job.id)/attempts").read(AttemptList.self).attempts
      #expect(attempts.map(\.outcome) == [.done] && attempts.first?.capacityType == .spot)
      #expect(attempts.first?.checkpointSequence == 1)
    }
  }

  @Test func aBatchComesBackInOrderAndIsAllOrNone() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let jobs = (0..<200).map { #"{"kind":"k\#($0)"}"# }.joined(separator: ",")
      let ids = try await api.post("/jobs/batch", #"{"jobs":[\#(jobs)]}"#).read(BatchReceipt.self, status: 201).ids
      #expect(ids.count == 200)
      for index in [0, 99, 199] { #expect(try await api.job(ids[index]).kind == "k\(index)") }
      let bad = try await api.post("/jobs/batch", #"{"jobs":[{"kind":"a"},{"kind":"a"},{"kind":"a","priority":1000}]}"#)
      let problem = try bad.problem()
      #expect(
        problem.knownCode == .invalidRequest
          && problem.detail == "'jobs[2].priority' must be an integer from -100 to 100")
      #expect(try await api.get("/stats").read(Statistics.self).jobs[.queued] == 200)
      #expect(try await api.post("/jobs/batch", #"{"jobs":[]}"#).read(BatchReceipt.self, status: 201).ids == [])
    }
  }

  @Test func aRepeatedKeyIsTheSameJob() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let headers = ["Idempotency-Key": "k 1"]
      let first = try await api.post("/jobs", #"{"kind":"a","payload":{"x":1}}"#, headers: headers)
        .read(JobSnapshot.self, status: 201)
      let again = try await api.post("/jobs", #"{"payload":{"x":1},"kind":"a"}"#, headers: headers)
      #expect(try again.read(JobSnapshot.self, status: 200).id == first.id)
      #expect(again.headers.first(name: "location") == "/jobs/\(first.id)")
      let other = try await api.post("/jobs", #"{"kind":"a","payload":{"x":2}}"#, headers: headers).problem()
      #expect(other.status == 409 && other.knownCode == .conflict)
      for key in ["", String(repeating: "k", count: 256)] {
        let problem = try await api.post("/jobs", #"{"kind":"a"}"#, headers: ["Idempotency-Key": key]).problem()
        #expect(problem.status == 400 && problem.detail.contains("Idempotency-Key"))
      }
      // All at once: one of them makes the job, the others find it.
      let answers = try await withThrowingTaskGroup(of: (Int, JobID).self) { group in
        for _ in 0..<20 {
          group.addTask {
            let answer = try await api.post("/jobs", #"{"kind":"b"}"#, headers: ["Idempotency-Key": "k2"])
            return (answer.status, try JobSnapshot(json: answer.bytes).id)
          }
        }
        return try await group.reduce(into: [(Int, JobID)]()) { $0.append($1) }
      }
      #expect(Set(answers.map(\.1)).count == 1)
      #expect(answers.filter { $0.0 == 201 }.count == 1 && answers.filter { $0.0 == 200 }.count == 19)
    }
  }

  @Test func theListFiltersAndPages() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      var ids: [JobID] = []
      for index in 0..<7 {
        ids.append(
          try await api.submit(
            #"{"kind":"k\#(index % 2)","queue":"q\#(index % 3)","tags":{"n":"\#(index)","who":"a b"}}"#
          ).id)
      }
      func list(_ query: String) async throws -> JobPage { try await api.get("/jobs\(query)").read(JobPage.self) }
      #expect(try await list("").jobs.map(\.id) == ids.reversed())
      #expect(try await list("?kind=k1").jobs.map(\.id) == [ids[5], ids[3], ids[1]])
      #expect(try await list("?queue=q2&kind=k1").jobs.map(\.id) == [ids[5]])
      #expect(try await list("?tag.n=4").jobs.map(\.id) == [ids[4]])
      #expect(try await list("?tag.who=a%20b&tag.n=4").jobs.map(\.id) == [ids[4]])
      #expect(try await list("?tag.who=a+b&tag.n=5").jobs.count <= 1)
      #expect(try await list("?status=queued").jobs.count == 7)
      #expect(try await list("?status=done").jobs.isEmpty)
      var found: [JobID] = []
      var cursor = ""
      repeat {
        let page = try await list("?limit=3&kind=k0\(cursor)")
        found += page.jobs.map(\.id)
        cursor = page.nextCursor.map { "&cursor=\($0)" } ?? ""
      } while !cursor.isEmpty
      #expect(found == [ids[6], ids[4], ids[2], ids[0]])
      for (query, field) in [
        ("?status=lost", "'status'"), ("?limit=0", "'limit'"), ("?limit=1001", "'limit'"), ("?limit=x", "'limit'"),
        ("?cursor=x", "'cursor'"), ("?queue=a%20b", "'queue'"), ("?kind=", "'kind'"), ("?colour=red", "'colour'"),
        ("?tag.=x", "'tag.'"), ("?tag.a=%00", "'tag.a'"),
      ] {
        let problem = try await api.get("/jobs\(query)").problem()
        #expect(problem.status == 400 && problem.knownCode == .invalidRequest, "\(query)")
        #expect(problem.detail.contains(field), "\(query): \(problem.detail)")
      }
    }
  }

  @Test func cancelAndRetry() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let queued = try await api.submit()
      #expect(try await api.post("/jobs/\(queued.id)/cancel").read(JobSnapshot.self).status == .cancelled)
      #expect(try await api.post("/jobs/\(queued.id)/cancel").problem().knownCode == .conflict)
      #expect(try await api.post("/jobs/\(queued.id)/retry").read(JobSnapshot.self).status == .queued)
      let refused = try await api.post("/jobs/\(queued.id)/retry").problem()
      #expect(refused.status == 409 && refused.knownCode == .conflict)

      let lease = try #require(try await api.lease().first)
      #expect(try await api.post("/jobs/\(queued.id)/cancel").read(JobSnapshot.self).status == .processing)
      let heartbeat = try await api.post(
        "/workers/w-1/heartbeat", #"{"state":"active","leases":[{"lease_id":"\#(lease.leaseID)"}]}"#
      )
      .read(HeartbeatReply.self)
      #expect(heartbeat.leases.map(\.status) == [.cancel])
      _ = try await api.send("PUT", "/leases/\(lease.leaseID)/checkpoint", [1])
      #expect(try await api.settle(lease.leaseID, "cancelled") == .accepted)
      #expect(try await api.job(queued.id).status == .cancelled)
      let discarded = try await api.post("/jobs/\(queued.id)/retry", #"{"discard_checkpoint":true}"#).read(
        JobSnapshot.self)
      #expect(discarded.checkpoint == nil && discarded.status == .queued)
      let unknown = try await api.post("/jobs/\(queued.id)/retry", #"{"discard":true}"#).problem()
      #expect(unknown.status == 400 && unknown.detail.contains("'discard'"))
      let field = try await api.post("/jobs/\(queued.id)/cancel", #"{"force":true}"#).problem()
      #expect(field.status == 400 && field.detail.contains("'force'"))
    }
  }

  @Test func whatIsNotThereIsNotFound() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let unknown = JobIDGenerator().next()
      for path in ["", "/attempts", "/checkpoint", "/logs"] {
        for id in ["\(unknown)", "nonsense", "%00", "..%2f"] {
          let problem = try await api.get("/jobs/\(id)\(path)").problem()
          #expect(problem.status == 404 && problem.knownCode == .notFound, "/jobs/\(id)\(path)")
        }
      }
      for verb in ["cancel", "retry"] {
        #expect(try await api.post("/jobs/\(unknown)/\(verb)").problem().knownCode == .notFound)
      }
      let job = try await api.submit()
      #expect(try await api.get("/jobs/\(job.id)/checkpoint").problem().knownCode == .notFound)
      #expect(try await api.get("/jobs/\(job.id)/attempts").read(AttemptList.self).attempts.isEmpty)
      #expect(try await api.get("/jobs/\(job.id)/logs").text == "")
      #expect(try await api.get("/jobs/\(job.id.description.uppercased())").status == 200)
      for path in ["/", "/nowhere", "/jobs/\(job.id)/x", "/leases/x/y/z"] {
        #expect(try await api.get(path).problem().knownCode == .notFound, "\(path)")
      }
      let attempt = try await api.get("/jobs/\(job.id)/logs?attempt=0").problem()
      #expect(attempt.status == 400 && attempt.detail.contains("'attempt'"))
      #expect(try await api.get("/jobs/\(job.id)/logs?x=0").problem().status == 400)
    }
  }
}
