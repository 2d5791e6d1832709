import BatonShared
import BatonTelemetry
import BatonTestSupport
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct RequestLimitTests {
  @Test func eachLimitCanBeSetAndIsAnsweredWithItsField() async throws {
    let configuration = CoordinatorConfiguration.testing { configuration in
      configuration.maxBodyBytes = 4096
      configuration.maxPayloadBytes = 1024
      configuration.limits.maxQueueNameBytes = 16
      configuration.limits.maxTags = 2
      configuration.limits.maxTagBytes = 8
      configuration.limits.maxBatchJobs = 3
      configuration.limits.maxWaitSeconds = 0.05
    }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      let long = String(repeating: "q", count: 17)
      for (path, body, status, named) in [
        ("/jobs", #"{"kind":"a","queue":"\#(long)"}"#, 400, "'queue' must be a name of at most 16 bytes"),
        ("/jobs", #"{"kind":"a","tags":{"a":"","b":"","c":""}}"#, 400, "'tags' must be an object of at most 2 tags"),
        ("/jobs", #"{"kind":"a","tags":{"a":"123456789"}}"#, 400, "'tags.a' must be a string of at most 8 bytes"),
        ("/jobs", #"{"kind":"a","payload":"\#(String(repeating: "x", count: 1030))"}"#, 413, "'payload' must be"),
        (
          "/jobs/batch", #"{"jobs":[{"kind":"a"},{"kind":"a","queue":"\#(long)"}]}"#, 400,
          "'jobs[1].queue' must be a name of at most 16 bytes"
        ),
        (
          "/jobs/batch", #"{"jobs":[{"kind":"a"},{"kind":"a"},{"kind":"a"},{"kind":"a"}]}"#, 400,
          "'jobs' must be a list of at most 3 jobs"
        ),
        (
          "/jobs/batch", #"{"jobs":[]}"# + String(repeating: " ", count: 4096), 413,
          "the body must be at most 4096 bytes"
        ),
        ("/queues/\(long)/pause", "", 400, "the queue's name must be"),
      ] {
        let problem = try await api.post(path, body).problem()
        #expect(problem.status == status && problem.detail.contains(named), "\(path): \(problem.detail)")
      }
      #expect(try await api.get("/stats").read(Statistics.self).jobs[.queued] == 0)
      #expect(
        try await api.post("/jobs", #"{"kind":"a","queue":"1234567890123456","tags":{"a":"12345678","b":""}}"#).status
          == 201)
      // A wait is cut, not refused: workers of every version go on.
      #expect(try await api.lease("w-1", wait: 60).isEmpty)
    }
  }

  @Test func theSettingsAreReadAndBounded() throws {
    let read = try RequestLimits(
      settings: SettingsReader(environment: [
        "MAX_HEADER_BYTES": "2048", "MAX_URL_BYTES": "300", "MAX_QUEUE_NAME_BYTES": "20", "MAX_TAGS": "0",
        "MAX_TAG_BYTES": "5", "MAX_BATCH_JOBS": "7", "MAX_WAIT_SECONDS": "2.5", "MAX_CONNECTIONS": "11",
        "HEADER_TIMEOUT_SECONDS": "1", "TRANSFER_TIMEOUT_SECONDS": "2", "IDLE_TIMEOUT_SECONDS": "3",
        "MAX_REQUEST_MEMORY_BYTES": "2000000", "MAX_TRANSFER_MEMORY_BYTES": "3000000",
      ]))
    #expect(read.maxHeaderBytes == 2048 && read.maxURLBytes == 300 && read.maxQueueNameBytes == 20)
    #expect(read.maxTags == 0 && read.maxTagBytes == 5 && read.maxBatchJobs == 7 && read.maxWaitSeconds == 2.5)
    #expect(read.maxConnections == 11 && read.headerTimeoutSeconds == 1 && read.transferTimeoutSeconds == 2)
    #expect(read.idleTimeoutSeconds == 3 && read.maxRequestMemoryBytes == 2_000_000)
    #expect(read.maxTransferMemoryBytes == 3_000_000)
    for (name, value) in [
      ("MAX_TAGS", "65"), ("MAX_BATCH_JOBS", "10001"), ("MAX_WAIT_SECONDS", "61"), ("MAX_QUEUE_NAME_BYTES", "129"),
      ("MAX_HEADER_BYTES", "1"), ("MAX_CONNECTIONS", "0"), ("HEADER_TIMEOUT_SECONDS", "0"),
    ] {
      #expect(throws: SettingsError.self) {
        try SettingsReader(environment: [name: value]).collect { try RequestLimits(settings: $0) }
      }
    }
  }

  @Test func thereIsMemoryForEveryJobThatMayBeSubmitted() throws {
    let least = (1 << 20) + (128 << 10)
    for name in ["MAX_REQUEST_MEMORY_BYTES", "MAX_BODY_BYTES"] {
      _ = try CoordinatorConfiguration(settings: SettingsReader(environment: [name: "\(least)"]))
      let error = #expect(throws: SettingsError.self) {
        try CoordinatorConfiguration(settings: SettingsReader(environment: [name: "\(least - 1)"]))
      }
      #expect(error?.description.contains(name) == true)
    }
  }

  @Test func theLargestPayloadMayHaveAllTagsBesideIt() async throws {
    let configuration = CoordinatorConfiguration.testing { $0.maxPayloadBytes = 64 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let tags = (0..<64).map { number in
        let name = String("\(number)-\(String(repeating: "n", count: 128))".prefix(128))
        return #""\#(name)":"\#(String(repeating: "v", count: 1024))""#
      }
      let payload = String(repeating: "p", count: 62)
      let job = try await coordinator.api.submit(
        #"{"kind":"a","payload":"\#(payload)","tags":{\#(tags.joined(separator: ","))}}"#)
      #expect(try await coordinator.api.job(job.id).tags.bytes.count > 64 * (128 + 1024))
    }
  }

  @Test func namesInAddressesMayBeEncoded() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      #expect(try await api.post("/queues/a%3Ab%2Dc/pause").text.contains(#""name":"a:b-c""#))
      let job = try await api.submit(#"{"kind":"a","tags":{"größe":"a b+c%"}}"#)
      for query in ["tag.gr%C3%B6%C3%9Fe=a+b%2Bc%25", "tag.gr%c3%b6%c3%9fe=a%20b%2bc%25"] {
        #expect(try await api.get("/jobs?\(query)").read(JobPage.self).jobs.map(\.id) == [job.id])
      }
      for query in ["tag.a=%ff", "tag.%c3=a", "tag.%00=a"] {
        let problem = try await api.get("/jobs?\(query)").problem()
        #expect(problem.status == 400, "\(query)")
      }
    }
  }
}
