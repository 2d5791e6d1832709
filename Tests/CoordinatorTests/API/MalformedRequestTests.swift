import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// However wrong a request is, the answer says what is wrong with it and the coordinator goes on.
@Suite(.serialized) struct MalformedRequestTests {
  @Test func eachIsAnsweredWithItsFieldAndTheCoordinatorGoesOn() async throws {
    let lease = "9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e"
    let requests: [(method: String, path: String, body: String, named: String)] = [
      ("POST", "/jobs", "", "empty"), ("POST", "/jobs", "{", "valid JSON"), ("POST", "/jobs", "[]", "an object"),
      ("POST", "/jobs", "null", "an object"), ("POST", "/jobs", #"{"kind":"a"}x"#, "nothing after"),
      ("POST", "/jobs", #"{"kind":"a",}"#, "field name"), ("POST", "/jobs", "{}", "'kind'"),
      ("POST", "/jobs", #"{"kind":7}"#, "'kind' must be a string"),
      ("POST", "/jobs", #"{"kind":"#, "'kind' must be valid JSON: expected a value at byte 8"),
      ("POST", "/jobs", #"{"kind":tru}"#, "'kind' must be valid JSON: expected a value at byte 8"),
      ("POST", "/jobs", "kind=steps", "the body must be valid JSON: expected a value at byte 0"),
      ("POST", "/jobs", #"{"kind":"a","priority":"high"}"#, "'priority'"),
      ("POST", "/jobs", #"{"kind":"a","payload":"\u0000"}"#, "'payload' must be free of the character U+0000"),
      ("POST", "/jobs", #"{"kind":"a","payload":{"x":["\ud800"]}}"#, "'payload' must be free of lone surrogates"),
      ("POST", "/jobs", #"{"kind":"a","tags":{"t":"\u0000"}}"#, "'tags.t' must be free of the character U+0000"),
      ("POST", "/jobs", #"{"kind":"a","tags":{"\udfff":"x"}}"#, "lone surrogates"),
      ("POST", "/jobs", #"{"kind":"a","color":1}"#, "'color' must be left out"),
      ("POST", "/jobs", #"{"kind":"a","delay_seconds":-1}"#, "'delay_seconds' must be a number from 0"),
      ("POST", "/jobs", #"{"kind":"a","run_at":"2026-02-30T00:00:00Z"}"#, "'run_at'"),
      (
        "POST", "/jobs", "{\"kind\":\"a\",\"payload\":" + String(repeating: "[", count: 600), "'payload' must be nested"
      ),
      ("POST", "/jobs/batch", #"[{"kind":"a"}]"#, "an object"), ("POST", "/jobs/batch", "{}", "'jobs'"),
      ("POST", "/jobs/batch", #"{"jobs":[{"kind":"a"},7]}"#, "'jobs[1]' must be an object"),
      ("POST", "/leases", #"{"worker_id":"w","wait_seconds":-1}"#, "'wait_seconds' must be a number from 0 to 60"),
      ("POST", "/leases", #"{"worker_id":"w","wait_seconds":61}"#, "'wait_seconds'"),
      ("POST", "/leases", #"{"worker_id":"w","max":0}"#, "'max' must be an integer from 1 to 1000"),
      ("POST", "/leases", #"{"worker_id":"w","max":1001}"#, "'max'"), ("POST", "/leases", "{}", "'worker_id'"),
      ("POST", "/leases", #"{"worker_id":"a\u0000b"}"#, "'worker_id'"),
      ("POST", "/leases", #"{"worker_id":"w","queues":"default"}"#, "'queues' must be an array"),
      ("POST", "/leases/settle", "{}", "'results'"),
      ("POST", "/leases/settle", #"{"results":[{}]}"#, "'results[0].lease_id'"),
      (
        "POST", "/leases/settle", #"{"results":[{"lease_id":"\#(lease)","outcome":"lost"}]}"#,
        "'results[0].outcome' must be one of"
      ),
      (
        "POST", "/leases/settle", #"{"results":[{"lease_id":"\#(lease)","outcome":"done","result":"\u0000"}]}"#,
        "'results[0].result'"
      ),
      (
        "POST", "/leases/settle", #"{"results":[{"lease_id":"\#(lease)","outcome":"failed","reason":"\ud800"}]}"#,
        "'results[0].reason'"
      ),
      ("PUT", "/workers/w", "[]", "an object"),
      ("PUT", "/workers/w", #"{"capacity_type":"free"}"#, "'capacity_type' must be one of"),
      ("PUT", "/workers/w", #"{"slots":0}"#, "'slots'"), ("PUT", "/workers/w", #"{"hostname":"\u0000"}"#, "'hostname'"),
      ("PUT", "/workers/a%20b", "{}", "worker's name"), ("POST", "/workers/w/heartbeat", "", "empty"),
      ("POST", "/workers/w/heartbeat", #"{"state":"idle"}"#, "'state' must be one of"),
      ("POST", "/workers/w/heartbeat", #"{"leases":[{"lease_id":"x"}]}"#, "'leases[0].lease_id' must be a UUID"),
      ("POST", "/queues/a%20b/pause", "", "queue's name"), ("POST", "/queues/a/pause", #"{"x":1}"#, "'x'"),
      ("POST", "/workers/w/drain", "{", "valid JSON"), ("POST", "/drain", #"{"x":1}"#, "'x'"),
    ]
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      for (method, path, body, named) in requests {
        let answer = try await api.send(method, path, body.isEmpty ? nil : Array(body.utf8))
        let problem = try answer.problem()
        let comment = Comment(rawValue: "\(method) \(path) \(body.prefix(80)): \(problem.detail)")
        #expect(problem.status == 400 && problem.knownCode == .invalidRequest, comment)
        #expect(problem.detail.contains(named), comment)
      }
      // Nothing of all this was done by half.
      let statistics = try await api.get("/stats").read(Statistics.self)
      #expect(JobStatus.allCases.allSatisfy { statistics.jobs[$0] == 0 })
      #expect(try await api.get("/health").status == 200)
      #expect(try await api.submit().status == .queued)
    }
  }

  @Test func bytesThatAreNotUTF8AreRefused() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let body = Array(#"{"kind":"a","payload":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
      let problem = try await api.send("POST", "/jobs", body).problem()
      #expect(problem.status == 400 && problem.detail.contains("UTF-8"))
      try await api.submit()
      let lease = try #require(try await api.lease().first)
      for bytes in [[0xFF], [0x61, 0x00]] as [[UInt8]] {
        let problem = try await api.send("POST", "/leases/\(lease.leaseID)/logs", bytes).problem()
        #expect(problem.status == 400 && problem.detail.contains("UTF-8"))
      }
    }
  }

  @Test func whatIsTooLargeIsRefusedAndTheSenderSeesTheAnswer() async throws {
    let configuration = CoordinatorConfiguration.testing { configuration in
      configuration.maxCheckpointBytes = 1 << 20
    }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      let twentyMegabytes = Array(#"{"kind":"a","payload":""#.utf8) + [UInt8](repeating: 0x61, count: 20 << 20)
      try await api.submit()
      let lease = try #require(try await api.lease().first).leaseID
      for (method, path) in [
        ("POST", "/jobs"), ("POST", "/jobs/batch"), ("POST", "/leases"), ("POST", "/leases/settle"),
        ("PUT", "/workers/w"),
        ("POST", "/workers/w/heartbeat"), ("PUT", "/leases/\(lease)/checkpoint"), ("POST", "/leases/\(lease)/logs"),
        ("POST", "/jobs/x/retry"), ("POST", "/drain"),
      ] where path != "/jobs/x/retry" {
        let problem = try await api.send(method, path, twentyMegabytes).problem()
        #expect(problem.status == 413 && problem.knownCode == .payloadTooLarge, "\(method) \(path)")
        #expect(problem.detail.contains("must be at most"), "\(method) \(path)")
      }
      // Just above its own limit, with the field named.
      func json(_ size: Int) -> String { "\"" + String(repeating: "x", count: size - 2) + "\"" }
      let limit = 1 << 20
      #expect(try await api.post("/jobs", "{\"kind\":\"a\",\"payload\":\(json(limit))}").status == 201)
      let single = try await api.post("/jobs", "{\"kind\":\"a\",\"payload\":\(json(limit + 1))}").problem()
      #expect(single.status == 413 && single.detail == "'payload' must be at most 1048576 bytes")
      let batch = try await api.post(
        "/jobs/batch", "{\"jobs\":[{\"kind\":\"a\"},{\"kind\":\"a\",\"payload\":\(json(limit + 1))}]}"
      ).problem()
      #expect(batch.status == 413 && batch.detail.contains("'jobs[1].payload'"))
      let settle = try await api.post(
        "/leases/settle",
        "{\"results\":[{\"lease_id\":\"\(lease)\",\"outcome\":\"done\",\"result\":\(json(limit + 1))}]}"
      ).problem()
      #expect(settle.status == 413 && settle.detail.contains("'results[0].result'"))
      #expect(
        try await api.send("PUT", "/leases/\(lease)/checkpoint", [UInt8](repeating: 1, count: limit)).status == 200)
      #expect(try await api.settle(lease) == .accepted)
    }
  }

  @Test func theWrongMethodIsToldTheRightOnes() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      for (method, path, allowed) in [
        ("DELETE", "/jobs", "GET, HEAD, POST"), ("GET", "/jobs/batch", "POST"), ("PUT", "/jobs/x", "GET, HEAD"),
        ("POST", "/workers/w", "GET, HEAD, PUT"), ("GET", "/leases", "POST"), ("POST", "/health", "GET, HEAD"),
        ("PATCH", "/leases/x/checkpoint", "GET, HEAD, PUT"), ("GET", "/workers/w/drain", "POST"),
        ("DELETE", "/metrics", "GET, HEAD"),
        ("GET", "/queues/q/pause", "POST"),
      ] {
        let answer = try await api.send(method, path)
        #expect(answer.status == 405, "\(method) \(path)")
        #expect(try answer.problem().code == "method_not_allowed", "\(method) \(path)")
        #expect(answer.headers.first(name: "allow") == allowed, "\(method) \(path)")
      }
      let head = try await api.send("HEAD", "/health")
      #expect(head.status == 200 && head.bytes.isEmpty)
      #expect(try await api.send("HEAD", "/leases").status == 405)
    }
  }
}
