import BatonJSON
import BatonPostgres
import BatonShared
import BatonTestSupport
import Foundation
import NIOCore
import Synchronization
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct OperationAPITests {
  @Test func eachRoleMayDoItsOwn() async throws {
    let tokens = Access.Role.allCases.map { ($0, Access.make(role: $0, name: "test")) }
    let path = NSTemporaryDirectory() + "baton-tokens-\(UUID().uuidString)"
    let text = "# who may come in\n\n" + tokens.map { $0.1.line + "  # comment\n" }.joined()
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let tokenOf = Dictionary(uniqueKeysWithValues: tokens.map { ($0.0, $0.1.token) })

    try await RunningCoordinator.run(configuration: .testing { $0.tokensFile = path }) { coordinator, _ async throws in
      let api = coordinator.api
      for open in ["/health", "/ready", "/metrics"] {
        // On a machine that has too much to do, it may not be ready for a moment.
        try await eventually(open) { try await api.get(open).status == 200 }
      }
      let id = JobIDGenerator().next()
      let submit: Set<Access.Role> = [.submit, .admin]
      let work: Set<Access.Role> = [.work, .admin]
      let routes: [(String, String, Set<Access.Role>)] = [
        ("GET", "/jobs", submit), ("POST", "/jobs", submit), ("POST", "/jobs/batch", submit),
        ("GET", "/jobs/\(id)", submit),
        ("GET", "/jobs/\(id)/attempts", submit), ("GET", "/jobs/\(id)/checkpoint", submit),
        ("GET", "/jobs/\(id)/logs", submit),
        ("POST", "/jobs/\(id)/cancel", submit), ("POST", "/jobs/\(id)/retry", submit), ("GET", "/queues", submit),
        ("GET", "/workers", submit), ("GET", "/workers/w", submit), ("GET", "/stats", submit),
        ("POST", "/queues/q/pause", [.admin]), ("POST", "/queues/q/resume", [.admin]),
        ("POST", "/workers/w/drain", [.admin]),
        ("PUT", "/workers/w", work), ("POST", "/workers/w/heartbeat", work), ("POST", "/leases", work),
        ("POST", "/leases/settle", work), ("GET", "/leases/\(id)/checkpoint", work),
        ("PUT", "/leases/\(id)/checkpoint", work),
        ("POST", "/leases/\(id)/logs", work),
      ]
      for (method, route, allowed) in routes {
        for wrong in [nil, "", "baton_nonsense", tokenOf[.admin]!.uppercased()] {
          let answer = try await api.with(token: wrong).send(method, route)
          #expect(answer.status == 401, "\(method) \(route)")
          #expect(try answer.problem().knownCode == .unauthorized)
          #expect(answer.headers.first(name: "www-authenticate") == "Bearer")
        }
        for role in Access.Role.allCases {
          let answer = try await api.with(token: tokenOf[role]).send(method, route)
          if allowed.contains(role) {
            #expect(answer.status != 401 && answer.status != 403, "\(method) \(route) as \(role)")
          } else {
            #expect(answer.status == 403, "\(method) \(route) as \(role)")
            #expect(try answer.problem().knownCode == .forbidden)
          }
        }
      }
      let basic = try await api.send("GET", "/jobs", headers: ["Authorization": "Basic \(tokenOf[.admin]!)"])
      #expect(basic.status == 401)
      let lower = try await api.send("GET", "/jobs", headers: ["Authorization": "bearer \(tokenOf[.admin]!)"])
      #expect(lower.status == 200)
      // What nobody may do without the role is not done either.
      for role in [Access.Role.submit, .work] {
        #expect(try await api.with(token: tokenOf[role]).post("/drain").status == 403)
        #expect(try await api.with(token: tokenOf[role]).post("/shutdown").status == 403)
      }
      #expect(try await api.get("/ready").status == 200)
      #expect(try await api.with(token: tokenOf[.admin]).post("/drain").status == 202)
      #expect(try await api.get("/ready").status == 503)
    }
  }

  @Test func metricsMayNeedATokenToo() async throws {
    let made = Access.make(role: .submit, name: "scraper")
    let path = NSTemporaryDirectory() + "baton-tokens-\(UUID().uuidString)"
    try made.line.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let configuration = CoordinatorConfiguration.testing { configuration in
      configuration.tokensFile = path
      configuration.metricsNeedToken = true
    }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      #expect(try await coordinator.api.get("/metrics").problem().knownCode == .unauthorized)
      #expect(try await coordinator.api.with(token: made.token).get("/metrics").status == 200)
      #expect(try await coordinator.api.get("/health").status == 200)
    }
  }

  @Test func workersAndQueuesComeInPages() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      for number in 0..<5 {
        _ = try await api.put("/workers/w-\(number)", "{}")
        try await api.submit(#"{"kind":"a","queue":"q\#(number)"}"#)
      }
      let first = try await api.get("/workers").read(WorkerList.self)
      #expect(first.workers.count == 5 && first.nextCursor == nil)
      let queues = try await api.get("/queues").read(QueueList.self)
      #expect(queues.queues.count == 5 && queues.nextCursor == nil)
      let workers = try await Self.walk("/workers", of: api) { (page: WorkerList) in
        (page.workers.map(\.id), page.nextCursor)
      }
      #expect(workers == first.workers.map(\.id))
      let names = try await Self.walk("/queues", of: api) { (page: QueueList) in
        (page.queues.map(\.name), page.nextCursor)
      }
      #expect(names == ["q0", "q1", "q2", "q3", "q4"])
      for path in ["/workers", "/queues"] {
        for (query, field) in [
          ("limit=0", "'limit'"), ("limit=1001", "'limit'"), ("limit=%2B5", "'limit'"), ("limit=", "'limit'"),
          ("cursor=", "'cursor'"), ("cursor=a%20b", "'cursor'"), ("cursor=.w", "'cursor'"), ("colour=red", "'colour'"),
        ] {
          let problem = try await api.get("\(path)?\(query)").problem()
          #expect(problem.status == 400 && problem.detail.contains(field), "\(path)?\(query): \(problem.detail)")
        }
      }
      for wrong in ["w", "1.", "-1.w", "+1.w", "1e3.w", "99999999999999999999.w", "9223372036854775807.w"] {
        #expect(try await api.get("/workers?cursor=\(wrong.replacing("+", with: "%2B"))").status == 400, "\(wrong)")
      }
    }
  }

  @Test func aJobsAttemptsComeInPagesToo() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let job = try await api.submit()
      for _ in 0..<5 {
        let lease = try #require(try await api.lease().first).leaseID
        _ = try await api.post("/leases/settle", #"{"results":[{"lease_id":"\#(lease)","outcome":"released"}]}"#)
      }
      let path = "/jobs/\(job.id)/attempts"
      let all = try await api.get(path).read(AttemptList.self)
      #expect(all.attempts.map(\.attempt) == [1, 2, 3, 4, 5] && all.nextCursor == nil)
      let walked = try await Self.walk(path, of: api) { (page: AttemptList) in
        (page.attempts.map { "\($0.attempt)" }, page.nextCursor)
      }
      #expect(walked == ["1", "2", "3", "4", "5"])
      for (query, field) in [
        ("limit=0", "'limit'"), ("limit=1001", "'limit'"), ("cursor=", "'cursor'"), ("cursor=x", "'cursor'"),
        ("cursor=9999999999", "'cursor'"), ("page=2", "'page'"),
      ] {
        let refusal = try await api.get("\(path)?\(query)")
        #expect(refusal.status == 400 && refusal.text.contains(field), "\(query): \(refusal.text)")
      }
      #expect(try await api.get("\(path)?cursor=7").read(AttemptList.self).attempts.isEmpty)
      #expect(try await api.get("/jobs/01234567-89ab-7def-8123-456789abcdef/attempts?cursor=7").status == 404)
    }
  }

  /// Reads a list in pages of two, and returns what it names.
  private static func walk<Page: JSONDecodable>(
    _ path: String, of api: API, _ read: (Page) -> (names: [String], next: String?)
  ) async throws -> [String] {
    var all: [String] = []
    var cursor: String?
    repeat {
      let query = "limit=2" + (cursor.map { "&cursor=\($0)" } ?? "")
      let page = read(try await api.get("\(path)?\(query)").read(Page.self))
      #expect((1...2).contains(page.names.count))
      all += page.names
      cursor = page.next
    } while cursor != nil
    return all
  }

  @Test func finishedJobsGoAfterTheirRetention() async throws {
    try await RunningCoordinator.run(configuration: .testing { $0.retentionSeconds = 0 }) {
      coordinator, _ async throws in
      let api = coordinator.api
      let waiting = try await api.submit(#"{"kind":"a","queue":"other"}"#)
      let job = try await api.submit()
      let lease = try #require(try await api.lease().first)
      #expect(try await api.settle(lease.leaseID) == .accepted)
      try await eventually("the job's end") { try await api.get("/jobs/\(job.id)").status == 404 }
      #expect(try await api.job(waiting.id).status == .queued)
    }
  }

  @Test func aFileOfTokensIsReadStrictly() throws {
    let line = Access.make(role: .work, name: "x").line
    #expect(throws: AccessFileError.self) { try Access(text: "", path: "t") }
    #expect(throws: AccessFileError.self) { try Access(text: "# nothing\n", path: "t") }
    for bad in [
      "work x", "root x \(line.suffix(64))", "work x \(line.suffix(63))", "work x \(line.suffix(63))g", line + " more",
      // What passes for digits elsewhere.
      "work x +f\(line.suffix(62))", "work x -0\(line.suffix(62))", "work x \(line.suffix(62))+a",
    ] {
      let error = #expect(throws: AccessFileError.self) { try Access(text: line + "\n" + bad, path: "t") }
      #expect(error?.description.hasPrefix("t:2:") == true)
    }
    // Two roles for one token: neither of them by chance.
    let other = "submit y " + line.suffix(64).uppercased()
    let error = #expect(throws: AccessFileError.self) { try Access(text: "# a\n" + line + "\n\n" + other, path: "t") }
    #expect(error?.description.hasPrefix("t:4: the token of line 2 again") == true)
    #expect(error?.description.contains(line.suffix(64)) == false)
    // The same line twice is what a rotation may leave behind.
    let again = "work z " + line.suffix(64).uppercased()
    #expect(throws: Never.self) { try Access(text: line + "\n" + again, path: "t") }
    let made = Access.make(role: .submit, name: "x")
    #expect(!made.line.contains(made.token))
    #expect(try Access(text: made.line, path: "t").role(authorization: "Bearer \(made.token)") == .submit)
    #expect(try Access(text: made.line, path: "t").role(authorization: "Bearer \(made.token)x") == nil)
  }

  @Test(arguments: ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.example.org"])
  func strangersAreNotLetInByMistake(host: String) {
    var configuration = CoordinatorConfiguration()
    configuration.host = host
    #expect(throws: OpenToStrangersError.self) { try Coordinator(configuration: configuration, logger: .quiet) {} }
    configuration.allowUnauthenticated = true
    #expect(throws: Never.self) { try Coordinator(configuration: configuration, logger: .quiet) {} }
  }

  @Test func theSchemaIsBroughtUpToDateWhateverElseIsSet() async throws {
    let database = try await TestDatabase.make()
    var configuration = CoordinatorConfiguration()
    configuration.host = "0.0.0.0"
    configuration.tokensFile = "/no/such/file"
    configuration.databaseURL = database.url
    #expect(try await Coordinator.migrate(configuration, logger: .quiet).isEmpty == false)
    #expect(try await Coordinator.migrate(configuration, logger: .quiet) == [])
  }

  @Test func drainingSendsEverybodyElsewhereAndFinishesWhatRuns() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      try await api.submit()
      let lease = try #require(try await api.lease().first)
      async let poll = api.lease("w-2", wait: 30)
      try await api.untilWaiting(1)
      #expect(try await api.post("/drain").status == 202)
      #expect(try await poll.isEmpty)
      let ready = try await api.get("/ready")
      #expect(ready.status == 503)
      #expect(try ready.problem().knownCode == .draining)
      #expect(try await api.get("/health").status == 200)
      let refused = try await api.post("/leases", #"{"worker_id":"w-3","wait_seconds":5}"#)
      #expect(try refused.problem().knownCode == .draining)
      #expect(refused.status == 503 && refused.headers.first(name: "retry-after") != nil)
      // What is in flight goes on.
      #expect(try await api.settle(lease.leaseID) == .accepted)
      #expect(try await api.submit().status == .queued)
      #expect(try await api.metric("baton_draining") == 1)
    }
  }

  @Test func aGracefulStopEndsLongPollsEmptyAndThenTheService() async throws {
    let database = try await TestDatabase.make()
    try await RunningCoordinator.run(
      databaseURL: database.url, configuration: .testing { $0.shutdownDelaySeconds = 0.2 }
    ) {
      coordinator async throws in
      try await coordinator.api.untilReady()
      let api = coordinator.api
      async let poll = api.lease(wait: 60)
      try await api.untilWaiting(1)
      await coordinator.group.triggerGracefulShutdown()
      #expect(try await poll.isEmpty)
    }
  }

  @Test func aForcedExitIsThereUnlessItIsTurnedOff() async throws {
    let database = try await TestDatabase.make()
    let exits = Atomic(0)
    let count: @Sendable () -> Void = { exits.add(1, ordering: .relaxed) }
    try await RunningCoordinator.run(databaseURL: database.url, onExit: count) { coordinator async throws in
      try await coordinator.api.untilReady()
      #expect(try await coordinator.api.post("/shutdown").status == 202)
      try await eventually { exits.load(ordering: .relaxed) == 1 }
    }
    try await RunningCoordinator.run(
      databaseURL: database.url, configuration: .testing { $0.allowSimulateInterruption = false }
    ) {
      coordinator in
      try await coordinator.api.untilReady()
      #expect(try await coordinator.api.post("/shutdown").problem().knownCode == .forbidden)
    }
  }

  @Test func aPortThatIsTakenIsAnErrorAndNotAHang() async throws {
    try await RunningCoordinator.run { coordinator, database async throws in
      let port = coordinator.api.port
      // The system's own error, not a test that got tired of waiting.
      await #expect(throws: IOError.self) {
        try await RunningCoordinator.run(databaseURL: database.url, configuration: .testing { $0.port = port }) {
          other async throws in
          try await other.api.untilReady()
        }
      }
    }
  }

  @Test func aSchemaOfTheFutureIsAnErrorAndNotAHang() async throws {
    let database = try await TestDatabase.make()
    let pool = database.pool(size: 1)
    _ = try await PostgresMigrator(migrations: .baton).run(on: pool)
    try await pool.query("insert into schema_migrations (version, name, checksum) values (9999, 'future', '\\x00')")
    await pool.close()
    var configuration = CoordinatorConfiguration()
    configuration.databaseURL = database.url
    configuration.databaseConnections = 3
    configuration.port = 0
    let coordinator = try Coordinator(configuration: configuration, logger: .quiet) {}
    await #expect(throws: (any Error).self) { try await coordinator.run() }
  }

  @Test func toldAndUntoldEndsAreCountedApart() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      func counts(_ family: String) async throws -> [String: Double] {
        var counts: [String: Double] = [:]
        for (series, value) in try Exposition(try await api.get("/metrics").text).values {
          let name = family + "_count{outcome=\""
          if series.hasPrefix(name) { counts[String(series.dropFirst(name.count).dropLast(2))] = value }
        }
        return counts
      }
      // All are there from the start, for rates to be right from the first.
      #expect(try await counts("baton_handover_seconds") == ["released": 0, "interrupted": 0, "expired": 0])
      #expect(
        try await counts("baton_lost_work_seconds")
          == ["released": 0, "interrupted": 0, "expired": 0, "failed": 0, "timed_out": 0])
      try await api.submit()
      for outcome in ["interrupted", "released", "interrupted", "done"] {
        let lease = try #require(try await api.lease().first)
        #expect(try await api.settle(lease.leaseID, outcome) == .accepted)
      }
      #expect(try await counts("baton_handover_seconds") == ["released": 1, "interrupted": 2, "expired": 0])
      #expect(
        try await counts("baton_lost_work_seconds")
          == ["released": 1, "interrupted": 2, "expired": 0, "failed": 0, "timed_out": 0])
    }
  }

  @Test func metricsCanBeParsedAndTellWhatIsPromised() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      for _ in 0..<3 { try await api.submit(#"{"kind":"a","queue":"q\u002d1"}"#) }
      let leases = try await api.lease(max: 2, queues: #"["q-1"]"#)
      #expect(try await api.settle(leases[0].leaseID) == .accepted)
      #expect(try await api.settle(leases[0].leaseID, "failed") == .lost)
      _ = try await api.get("/nowhere")

      let answer = try await api.get("/metrics")
      #expect(answer.headers.first(name: "content-type") == "text/plain; version=0.0.4; charset=utf-8")
      let samples = try Exposition(answer.text)
      for family in [
        "baton_jobs", "baton_workers", "baton_oldest_queued_seconds", "baton_oldest_expired_lease_seconds",
        "baton_lease_requests_waiting", "baton_jobs_submitted_total", "baton_leases_granted_total",
        "baton_settlements_total", "baton_leases_lost_total", "baton_job_wait_seconds", "baton_http_request_seconds",
        "baton_batch_size", "baton_draining", "baton_queue_paused",
      ] { #expect(samples.types[family] != nil, "\(family)") }
      #expect(samples.types["baton_http_request_seconds"] == "histogram")
      #expect(samples.types["baton_job_wait_seconds"] == "histogram")
      #expect(samples.types["baton_jobs_submitted_total"] == "counter")
      #expect(samples.values[#"baton_jobs{queue="q-1",status="queued"}"#] == 1)
      #expect(samples.values[#"baton_jobs{queue="q-1",status="done"}"#] == 1)
      #expect(samples.values["baton_jobs_submitted_total"] == 3)
      #expect(samples.values["baton_leases_granted_total"] == 2)
      #expect(samples.values[#"baton_settlements_total{outcome="done",status="accepted"}"#] == 1)
      #expect(samples.values[#"baton_settlements_total{outcome="failed",status="lost"}"#] == 1)
      #expect(samples.values[#"baton_workers{state="active"}"#] == 1)
      #expect(samples.values["baton_job_wait_seconds_count"] == 2)
      // Routes, not addresses, are labels.
      #expect(!answer.text.contains("nowhere"))
      #expect(
        samples.values.keys.contains {
          $0.hasPrefix("baton_http_request_seconds_bucket{") && $0.contains(#"route="/jobs""#)
        })
    }
  }
}

/// A simple reader of the Prometheus text format; refuses what it does not understand.
private struct Exposition {
  var types: [String: String] = [:]
  var values: [String: Double] = [:]

  init(_ text: String) throws {
    let sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/
    guard text.hasSuffix("\n") else { throw Unexpected("no newline at the end") }
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# HELP ") { continue }
      if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ")
        guard words.count == 4, types[String(words[2])] == nil else { throw Unexpected("bad type: \(line)") }
        types[String(words[2])] = String(words[3])
        continue
      }
      guard let match = line.wholeMatch(of: sample) else { throw Unexpected("bad line: \(line)") }
      let value = match.3 == "+Inf" ? Double.infinity : Double(match.3)
      guard let value else { throw Unexpected("bad value: \(line)") }
      let series = String(match.1) + String(match.2 ?? "")
      guard values.updateValue(value, forKey: series) == nil else { throw Unexpected("twice: \(line)") }
      let family = ["_bucket", "_sum", "_count"].lazy.map { suffix in
        match.1.hasSuffix(suffix) ? String(match.1.dropLast(suffix.count)) : ""
      }.first { types[$0] == "histogram" }
      guard types[String(match.1)] != nil || family != nil else { throw Unexpected("no type: \(line)") }
    }
  }
}
