import AsyncHTTPClient
import BatonMetadataDouble
import BatonShared
import BatonTelemetry
import BatonTestSupport
import Logging
import Testing

@testable import BatonWorker

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct IMDSTests {
  /// A client of the double, and the double.
  private func with<Result: Sendable>(
    timeout: Double = 30, _ body: @escaping @Sendable (IMDSClient, MetadataDouble) async throws -> Result
  ) async throws -> Result {
    try await MetadataDouble.with { imds, address in
      let http = MetadataHTTP.makeClient()
      let outcome: Swift.Result<Result, any Error>
      do {
        outcome = .success(try await body(IMDSClient(client: http, base: address, timeout: timeout), imds))
      } catch {
        outcome = .failure(error)
      }
      try await http.shutdown()
      return try outcome.get()
    }
  }

  @Test func oneTokenServesManyReadsAndAbsenceIsNoError() async throws {
    try await with { client, imds in
      let value1 = try await client.read("instance-id")
      #expect(value1 == "i-0123456789abcdef0")
      for _ in 0..<5 {
        let notice = try await client.read("spot/instance-action")
        #expect(notice == nil)
      }
      #expect(imds.state.tokenRequests == 1)
      #expect(imds.state.reads.allSatisfy { $0.token == "token-1" })
    }
  }

  @Test func anExpiredTokenIsReplacedOnce() async throws {
    try await with { client, imds in
      _ = try await client.read("instance-id")
      imds.update { $0.tokens = [:] }
      let value2 = try await client.read("instance-id")
      #expect(value2 == "i-0123456789abcdef0")
      #expect(imds.state.tokenRequests == 2)
      #expect(imds.state.reads.map(\.token) == ["token-1", "token-1", "token-2"])
    }
  }

  @Test func aSecondRefusalIsNotTriedAgainAndNeverWithoutAToken() async throws {
    try await with { client, imds in
      imds.update { state in
        state.script.versions = .both
        state.script.failures = [401, 401]
      }
      await #expect(throws: IMDSError.forbidden(status: 401)) { try await client.read("instance-id") }
      #expect(imds.state.reads.count == 2)
      #expect(imds.state.reads.allSatisfy { $0.token != nil })
    }
  }

  @Test func aTokenThatIsRefusedIsNoReasonToFallBack() async throws {
    try await with { client, imds in
      imds.update { state in
        state.script.versions = .both
        state.script.tokenStatus = 403
      }
      await #expect(throws: IMDSError.forbidden(status: 403)) { try await client.read("instance-id") }
      #expect(imds.state.reads.isEmpty)
    }
  }

  @Test func aTokenThatTimesOutLeadsToVersionOne() async throws {
    try await with(timeout: 1) { client, imds in
      imds.update { state in
        state.script.versions = .both
        state.script.tokenDelay = 8
      }
      let value3 = try await client.read("instance-id")
      #expect(value3 == "i-0123456789abcdef0")
      let value4 = try await client.read("instance-type")
      #expect(value4 == "m7g.large")
      #expect(imds.state.tokenRequests == 1, "it is not waited for each time")
    }
  }

  @Test func whereVersionTwoIsRequiredASlowTokenIsTriedAgain() async throws {
    try await with(timeout: 1) { client, imds in
      imds.update { $0.script.tokenDelay = 8 }
      await #expect(throws: IMDSError.unreachable) { try await client.read("instance-id") }
      imds.update { $0.script.tokenDelay = 0 }
      let value5 = try await client.read("instance-id")
      #expect(value5 == "i-0123456789abcdef0")
    }
  }

  @Test func aBusyServiceIsToldFromARefusal() async throws {
    try await with { client, imds in
      imds.update { $0.script.failures = [503, 429, 403] }
      await #expect(throws: IMDSError.busy(status: 503)) { try await client.read("instance-id") }
      await #expect(throws: IMDSError.busy(status: 429)) { try await client.read("instance-id") }
      await #expect(throws: IMDSError.forbidden(status: 403)) { try await client.read("instance-id") }
      let value6 = try await client.read("instance-id")
      #expect(value6 != nil)
    }
  }

  @Test func nothingThereIsUnreachableAndQuicklySo() async throws {
    let http = MetadataHTTP.makeClient()
    let client = IMDSClient(client: http, base: "http://127.0.0.1:1", timeout: 0.5)
    let began = ContinuousClock.now
    await #expect(throws: IMDSError.unreachable) { try await client.read("instance-id") }
    #expect(ContinuousClock.now - began < .seconds(3))
    try await http.shutdown()
  }

  @Test(arguments: [
    ("http://169.254.169.254", "http://169.254.169.254"),
    ("http://169.254.169.254/", "http://169.254.169.254"),
    ("http://127.0.0.1:9/latest/meta-data/spot/instance-action", "http://127.0.0.1:9"),
    ("http://127.0.0.1:9/latest/meta-data/spot/instance-action/", "http://127.0.0.1:9"),
    ("http://127.0.0.1:9/latest/meta-data/", "http://127.0.0.1:9"),
  ])
  func theLongFormOfTheAddressIsUnderstood(given: String, base: String) {
    #expect(MetadataHTTP.base(of: given) == base)
  }

  @Test(arguments: [
    (#"{"action":"terminate","time":"2017-09-18T08:22:00Z"}"#, "terminate", 120.0),
    (#"{"action":"stop","time":"2017-09-18T08:22:00Z"}"#, "stop", 120),
    (#"{"action":"hibernate","time":"2017-09-18T08:22:00Z"}"#, "hibernate", 120),
    (#"{"action":"terminate","time":"2017-09-18T08:10:00Z","new":[1]}"#, "terminate", 0),
  ])
  func noticesAreUnderstood(text: String, action: String, left: Double) throws {
    let notice = try #require(SpotInstanceAction(text))
    let now = try Date("2017-09-18T08:20:00Z", strategy: Date.ISO8601FormatStyle())
    #expect(notice.action == action)
    #expect(notice.secondsLeft(at: now) == left)
  }

  @Test(arguments: ["", "null", "{}", #"{"action":"terminate"}"#, #"{"action":1,"time":"x"}"#, "<html>"])
  func whatIsNoNoticeIsNone(text: String) {
    #expect(SpotInstanceAction(text) == nil)
  }

  @Test func aNoticeDrainsTheWorkerWhoseIdentityIsKnown() async throws {
    try await MetadataDouble.with { imds, address in
      try await CoordinatorDouble.run { coordinator in
        let worker = try TestWorker(coordinator) { configuration in
          configuration.spotWatcherEnabled = true
          configuration.imdsURL = address + "/latest/meta-data/spot/instance-action"
          configuration.pollInterval = 0.1
        }
        try await worker.run {
          let state = try await coordinator.wait("the identity") { $0.registrations.last?.instanceID != nil }
          #expect(state.registrations.last?.capacityType == .spot)
          #expect(state.registrations.last?.availabilityZone == "eu-central-1b")
          #expect(state.registrations.last?.provider == "aws")
          let job = try coordinator.submit("steps", #"{"steps":100000,"step_seconds":0.01}"#)
          try await worker.waitUntilRunning()
          // Throttled now and then, as the real one is.
          imds.update { state in
            state.script.failures = [503, 503]
            state.script.notice = .init(action: "terminate", seconds: 10)
          }
          let outcome = try await coordinator.outcome(of: job)
          #expect(outcome.outcome == .interrupted)
          #expect(outcome.reason?.contains("ec2_spot terminate") == true)
          #expect(worker.drain.report?.source == "ec2_spot")
        }
        #expect(worker.worker.metrics.registry.scrape().contains("worker_notices_unavailable 0"))
      }
    }
  }

  @Test func noServiceIsToldLoudlyAndTheWorkGoesOn() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator) { configuration in
        configuration.spotWatcherEnabled = true
        configuration.imdsURL = "http://127.0.0.1:1"
      }
      try await worker.run {
        let job = try coordinator.submit("noop")
        #expect(try await coordinator.outcome(of: job).outcome == .done)
        try await eventually("word of it among the metrics") {
          worker.worker.metrics.registry.scrape().contains("worker_notices_unavailable 1")
        }
      }
    }
  }
}

@Suite struct NoticeAvailabilityTests {
  @Test func changesAreToldOnce() {
    var availability = NoticeAvailability()
    #expect(availability.failed(.unreachable) == .unavailable(.unreachable))
    #expect(availability.failed(.unreachable) == nil)
    #expect(availability.succeeded() == .available(isAgain: true))
    #expect(availability.succeeded() == nil)
    #expect(availability.failed(.busy(status: 503)) == nil, "throttled is not gone")
    #expect(availability.failed(.busy(status: 503)) == nil)
    #expect(availability.failed(.busy(status: 503)) == .unavailable(.busy(status: 503)))
    #expect(availability.succeeded() == .available(isAgain: true))
    #expect(availability.failed(.forbidden(status: 403)) == .unavailable(.forbidden(status: 403)))
  }
}

@Suite struct IMDSClientConductTests {
  private func with<Result: Sendable>(
    _ script: MetadataScript = MetadataScript(),
    _ body: @escaping @Sendable (IMDSClient, MetadataDouble) async throws -> Result
  ) async throws -> Result {
    try await MetadataDouble.with(script) { imds, address in
      let http = MetadataHTTP.makeClient()
      let outcome: Swift.Result<Result, any Error>
      do {
        outcome = .success(try await body(IMDSClient(client: http, base: address, timeout: 30), imds))
      } catch {
        outcome = .failure(error)
      }
      try await http.shutdown()
      return try outcome.get()
    }
  }

  @Test func noRequestNamesSomebodyElseAsItsOrigin() async throws {
    try await with { client, imds in
      _ = try await client.read("instance-id")
      #expect(imds.state.reads.count == 1)
      #expect(imds.state.reads.allSatisfy { $0.forwardedFor == nil })
    }
  }

  @Test func aTokenOfShortLifeIsReplacedAndReadsNeverFail() async throws {
    var script = MetadataScript()
    script.maximumTokenLife = 1
    try await with(script) { client, imds in
      try await eventually("a third token") {
        let id = try await client.read("instance-id")
        #expect(id != nil)
        return imds.state.tokenRequests >= 3
      }
      // Each was used more than once.
      #expect(imds.state.reads.count > 6, "\(imds.state.reads.count)")
    }
  }

  @Test func whereOnlyVersionOneIsThereItIsUsed() async throws {
    var script = MetadataScript()
    script.versions = .v1
    try await with(script) { client, imds in
      let id = try await client.read("instance-id")
      #expect(id == "i-0123456789abcdef0")
      let absent = try await client.read("spot/instance-action")
      #expect(absent == nil)
      #expect(imds.state.tokenRequests == 1)
    }
  }

  @Test(arguments: [400, 401, 403, 500, 503])
  func aTokenThatIsRefusedNeverLeadsToAReadWithoutOne(status: Int) async throws {
    var script = MetadataScript()
    script.versions = .both
    script.tokenStatus = status
    try await with(script) { client, imds in
      await #expect(throws: IMDSError(status: UInt(status))) { try await client.read("instance-id") }
      #expect(imds.state.reads.isEmpty)
    }
  }

  @Test func throttlingIsRiddenOut() async throws {
    var script = MetadataScript()
    script.failureRate = 0.3
    try await with(script) { client, _ in
      var answered = 0
      for _ in 0..<100 {
        do {
          if try await client.read("instance-id") != nil { answered += 1 }
        } catch IMDSError.busy(status: 503) {}
      }
      #expect((50...90).contains(answered), "\(answered)")
    }
  }
}
