import BatonJSON
import BatonShared
import Testing

@testable import BatonClient

@Suite struct BatonClientTests {
  private func with<Result: Sendable>(
    _ address: String, token: String? = nil, timeout: Duration = .seconds(10),
    _ body: @Sendable (BatonClient) async throws -> Result
  ) async throws -> Result {
    try await BatonClient.with(.init(address: address, token: token, timeout: timeout), body)
  }

  @Test func aRefusalCarriesWhenToAskAgain() async throws {
    try await CoordinatorDouble.run { _, _ in
      var answer = CoordinatorDouble.Answer.problem(Problem(.databaseUnavailable, "not now"))
      answer.headers["Retry-After"] = "3"
      return answer
    } _: { double in
      try await self.with(double.address) { client in
        let problem = await #expect(throws: Problem.self) { try await client.send(.ready()) }
        #expect(problem?.retryAfter == 3)
      }
    }
  }

  @Test func everyCallIsSentAsTheContractSays() async throws {
    let id = Samples.id(7)
    let job = Samples.job(7)
    try await CoordinatorDouble.run { request, _ in
      switch request.target {
      case "/jobs/batch": .json(BatchReceipt(ids: [id]), status: 201)
      case _ where request.target.hasPrefix("/jobs?"): .json(JobPage(jobs: [job], nextCursor: "c+/="))
      case "/queues": .json(QueueList(queues: []))
      case "/workers": .json(WorkerList(workers: []))
      case "/stats": .json(Statistics(jobs: StatusCounts(), workers: [:]))
      case _ where request.target.hasSuffix("/attempts"): .json(AttemptList(attempts: []))
      default: .json(job)
      }
    } _: { double in
      try await self.with(double.address, token: "secret") { client in
        try await client.send(.submit(JobSubmission(kind: "k"), idempotencyKey: "key-1"))
        #expect(try await client.send(.submit([JobSubmission(kind: "k")])).ids == [id])
        #expect(try await client.send(.job(id)).id == id)
        let filter = JobFilter(status: .failed, queue: "a", kind: "b", tags: ["x&y": "1 2+ü"])
        #expect(try await client.send(.jobs(filter, limit: 5, cursor: "c+/=")).nextCursor == "c+/=")
        try await client.send(.attempts(id))
        try await client.send(.cancel(id))
        try await client.send(.retry(id, discardCheckpoint: true))
        try await client.send(.retry(id, discardCheckpoint: false))
        try await client.send(.queues())
        try await client.send(.pauseQueue("q"))
        try await client.send(.resumeQueue("q"))
        try await client.send(.workers())
        try await client.send(.drainWorker("w/1"))
        try await client.send(.statistics())
        _ = try await client.send(.logs(id, attempt: 2))
      }
      let received = double.received
      #expect(
        received.map { "\($0.method) \($0.target)" } == [
          "POST /jobs", "POST /jobs/batch", "GET /jobs/\(id)",
          "GET /jobs?status=failed&queue=a&kind=b&tag.x%26y=1%202%2B%C3%BC&limit=5&cursor=c%2B%2F%3D",
          "GET /jobs/\(id)/attempts", "POST /jobs/\(id)/cancel", "POST /jobs/\(id)/retry", "POST /jobs/\(id)/retry",
          "GET /queues", "POST /queues/q/pause", "POST /queues/q/resume", "GET /workers", "POST /workers/w%2F1/drain",
          "GET /stats", "GET /jobs/\(id)/logs?attempt=2",
        ])
      #expect(received.allSatisfy { $0.headers["authorization"] == "Bearer secret" })
      #expect(received[0].headers["idempotency-key"] == "key-1")
      #expect(received[0].headers["content-type"] == "application/json")
      #expect(received[1].body.hasPrefix(#"{"jobs":[{"kind":"k","#))
      #expect(received[6].body == #"{"discard_checkpoint":true}"#)
      #expect(received[7].body == "{}")
    }
  }

  @Test func aRefusalIsTheProblemThatTheCoordinatorSays() async throws {
    try await CoordinatorDouble.run { _, _ in
      .problem(Problem(.conflict, "it is finished"))
    } _: { double in
      let problem = try await #require(throws: Problem.self) {
        try await self.with(double.address) { try await $0.send(.cancel(Samples.id(1))) }
      }
      #expect(problem.knownCode == .conflict && problem.status == 409 && problem.detail == "it is finished")
      #expect(double.received.count == 1)
    }
  }

  @Test func anAnswerOfSomethingInBetweenIsAProblemToo() async throws {
    try await CoordinatorDouble.run { _, _ in
      .init(status: 418, type: "text/html", body: "<p>no")
    } _: { double in
      let problem = try await #require(throws: Problem.self) {
        try await self.with(double.address) { try await $0.send(.job(Samples.id(1))) }
      }
      #expect(problem.status == 418 && problem.detail == "HTTP status 418: <p>no")
    }
  }

  @Test func anAnswerThatIsNoJobIsUnreadable() async throws {
    try await CoordinatorDouble.run { _, _ in
      .json("{\"id\":7}")
    } _: { double in
      let error = try await #require(throws: ClientError.self) {
        try await self.with(double.address) { try await $0.send(.job(Samples.id(1))) }
      }
      guard case .unreadable = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test func readsAndKeyedSubmitsAreRepeatedWhileTheCoordinatorIsAway() async throws {
    try await CoordinatorDouble.run { _, number in
      number % 3 < 2 ? .problem(Problem(.databaseUnavailable, "restarting")) : .json(Samples.job(1))
    } _: { double in
      try await self.with(double.address) { client in
        #expect(try await client.send(.job(Samples.id(1))).id == Samples.id(1))
        try await client.send(.submit(JobSubmission(kind: "k"), idempotencyKey: "same"))
      }
      #expect(double.received.count == 6)
      #expect(double.received.dropFirst(3).allSatisfy { $0.headers["idempotency-key"] == "same" })
    }
  }

  @Test func whatIsNotSafeToRepeatIsSentOnce() async throws {
    try await CoordinatorDouble.run { _, _ in
      .problem(Problem(.draining, "going away"))
    } _: { double in
      try await self.with(double.address) { client in
        await #expect(throws: Problem.self) { try await client.send(.submit([JobSubmission(kind: "k")])) }
        await #expect(throws: Problem.self) { try await client.send(.cancel(Samples.id(1))) }
        await #expect(throws: Problem.self) {
          try await client.send(.submit(JobSubmission(kind: "k"), idempotencyKey: nil))
        }
      }
      #expect(double.received.count == 3)
    }
  }

  @Test func theTimeForRepetitionsIsLimited() async throws {
    try await CoordinatorDouble.run { _, _ in
      .problem(Problem(.draining, "going away"))
    } _: { double in
      let clock = ContinuousClock()
      let took = await clock.measure {
        await #expect(throws: Problem.self) {
          try await self.with(double.address, timeout: .seconds(2)) { try await $0.send(.statistics()) }
        }
      }
      #expect(took < .seconds(30))
      #expect(double.received.count >= 1)
    }
  }

  @Test func nobodyThereIsUnreachableAndSaysWhere() async throws {
    // A port that was free a moment ago.
    let address = try await CoordinatorDouble.run { _, _ in
      .json("{}")
    } _: {
      $0.address
    }
    let error = try await #require(throws: ClientError.self) {
      try await self.with(address, token: "secret", timeout: .seconds(2)) { try await $0.send(.statistics()) }
    }
    #expect(error.wasNotSent)
    #expect(error.description == "cannot reach the coordinator at \(address): connection refused")
  }

  @Test(arguments: [
    "", "127.0.0.1:8080", "ftp://x", "http://", "http:///x", "http://u:p@h", "http://a b", "http://h?x",
  ])
  func whatIsNoAddressIsRefused(_ address: String) {
    let error = #expect(throws: ClientError.self) { try BatonClient.base(of: address) }
    #expect(error?.description.contains("u:p") == false)
  }

  @Test func aSlashAtTheEndMakesNoDifference() throws {
    #expect(try BatonClient.base(of: "HTTPS://host:1/prefix//") == "HTTPS://host:1/prefix")
  }

  @Test func pausesGrowWithinTheTimeThatIsLeft() {
    var schedule = RetrySchedule(first: .milliseconds(100), longest: .milliseconds(300))
    var generator = SystemRandomNumberGenerator()
    let pauses = (0..<4).compactMap { _ in schedule.next(remaining: .seconds(10), using: &generator) }
    for (pause, most) in zip(pauses, [100, 200, 300, 300]) {
      #expect(pause <= .milliseconds(most) && pause >= .milliseconds(most / 2))
    }
    #expect(schedule.next(remaining: .milliseconds(100), using: &generator) == nil)
    // Nobody comes sooner than was asked for, and not all at once.
    let asked = schedule.next(remaining: .seconds(10), atLeast: .seconds(2), using: &generator)
    #expect(asked.map { (.milliseconds(2150)...(.milliseconds(2300))).contains($0) } == true)
    #expect(schedule.next(remaining: .seconds(2), atLeast: .seconds(2), using: &generator) == nil)
  }

  @Test(arguments: [
    ("1", 1), ("120", 120), ("", nil), ("-1", nil), ("1.5", nil), ("99999999999999999999", nil),
    ("Wed, 21 Oct 2026 07:28:00 GMT", nil),
  ])
  func whenToAskAgainIsANumberOfSeconds(_ text: String, _ seconds: Double?) {
    #expect(BatonClient.seconds(text) == seconds)
  }
}
