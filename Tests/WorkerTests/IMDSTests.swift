import AsyncHTTPClient
import BatonShared
import BatonTelemetry
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
    timeout: Double = 4, _ body: @escaping @Sendable (IMDSClient, IMDSDouble) async throws -> Result
  ) async throws -> Result {
    try await IMDSDouble.run { imds in
      let http = IMDSClient.makeHTTPClient()
      let outcome: Swift.Result<Result, any Error>
      do {
        outcome = .success(try await body(IMDSClient(client: http, base: imds.base, timeout: timeout), imds))
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
      #expect(imds.state.value.tokenRequests == 1)
      #expect(imds.state.value.reads.allSatisfy { $0.token == "token-1" })
    }
  }

  @Test func anExpiredTokenIsReplacedOnce() async throws {
    try await with { client, imds in
      _ = try await client.read("instance-id")
      imds.state.update { $0.tokens = [] }
      let value2 = try await client.read("instance-id")
      #expect(value2 == "i-0123456789abcdef0")
      #expect(imds.state.value.tokenRequests == 2)
      #expect(imds.state.value.reads.map(\.token) == ["token-1", "token-1", "token-2"])
    }
  }

  @Test func aSecondRefusalIsNotTriedAgainAndNeverWithoutAToken() async throws {
    try await with { client, imds in
      imds.state.update { state in
        state.allowsVersionOne = true
        state.failures = [401, 401]
      }
      await #expect(throws: IMDSError.forbidden(status: 401)) { try await client.read("instance-id") }
      #expect(imds.state.value.reads.count == 2)
      #expect(imds.state.value.reads.allSatisfy { $0.token != nil })
    }
  }

  @Test func aTokenThatIsRefusedIsNoReasonToFallBack() async throws {
    try await with { client, imds in
      imds.state.update { state in
        state.allowsVersionOne = true
        state.tokenStatus = 403
      }
      await #expect(throws: IMDSError.forbidden(status: 403)) { try await client.read("instance-id") }
      #expect(imds.state.value.reads.isEmpty)
    }
  }

  @Test func aTokenThatTimesOutLeadsToVersionOne() async throws {
    try await with(timeout: 1) { client, imds in
      imds.state.update { state in
        state.allowsVersionOne = true
        state.tokenDelay = .seconds(8)
      }
      let value3 = try await client.read("instance-id")
      #expect(value3 == "i-0123456789abcdef0")
      let value4 = try await client.read("instance-type")
      #expect(value4 == "c7g.large")
      #expect(imds.state.value.tokenRequests == 1, "it is not waited for each time")
    }
  }

  @Test func whereVersionTwoIsRequiredASlowTokenIsTriedAgain() async throws {
    try await with(timeout: 1) { client, imds in
      imds.state.update { $0.tokenDelay = .seconds(8) }
      await #expect(throws: IMDSError.unreachable) { try await client.read("instance-id") }
      imds.state.update { $0.tokenDelay = .zero }
      let value5 = try await client.read("instance-id")
      #expect(value5 == "i-0123456789abcdef0")
    }
  }

  @Test func aBusyServiceIsToldFromARefusal() async throws {
    try await with { client, imds in
      imds.state.update { $0.failures = [503, 429, 403] }
      await #expect(throws: IMDSError.busy(status: 503)) { try await client.read("instance-id") }
      await #expect(throws: IMDSError.busy(status: 429)) { try await client.read("instance-id") }
      await #expect(throws: IMDSError.forbidden(status: 403)) { try await client.read("instance-id") }
      let value6 = try await client.read("instance-id")
      #expect(value6 != nil)
    }
  }

  @Test func nothingThereIsUnreachableAndQuicklySo() async throws {
    let http = IMDSClient.makeHTTPClient()
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
    #expect(IMDSClient.base(of: given) == base)
  }

  @Test(arguments: [
    (#"{"action":"terminate","time":"2017-09-18T08:22:00Z"}"#, "terminate", 120.0),
    (#"{"action":"stop","time":"2017-09-18T08:22:00Z"}"#, "stop", 120),
    (#"{"action":"hibernate","time":"2017-09-18T08:22:00Z"}"#, "hibernate", 0),
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
    try await IMDSDouble.run { imds in
      try await CoordinatorDouble.run { coordinator in
        let worker = try TestWorker(coordinator) { configuration in
          configuration.spotWatcherEnabled = true
          configuration.imdsURL = imds.base + "/latest/meta-data/spot/instance-action"
          configuration.pollInterval = 0.1
        }
        try await worker.run {
          let state = try await coordinator.wait("the identity") { $0.registrations.last?.instanceID != nil }
          #expect(state.registrations.last?.capacityType == .spot)
          #expect(state.registrations.last?.availabilityZone == "eu-central-1a")
          #expect(state.registrations.last?.provider == "aws")
          let job = try coordinator.submit("steps", #"{"steps":100000,"step_seconds":0.01}"#)
          try await worker.waitUntilRunning()
          let time = Date(timeIntervalSinceNow: 4).formatted(Date.ISO8601FormatStyle())
          // Throttled now and then, as the real one is.
          imds.state.update { state in
            state.failures = [503, 503]
            state.values["spot/instance-action"] = #"{"action":"terminate","time":"\#(time)"}"#
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
        var isTold = false
        for _ in 0..<500 where !isTold {
          isTold = worker.worker.metrics.registry.scrape().contains("worker_notices_unavailable 1")
          try await Task.sleep(for: .milliseconds(10))
        }
        #expect(isTold)
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
