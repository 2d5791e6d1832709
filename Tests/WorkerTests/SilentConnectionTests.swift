import AsyncHTTPClient
import BatonShared
import Logging
import Testing

@testable import BatonWorker

/// Connections to the coordinator that have died without a word: a request that is not answered in time tells of the
/// others.
@Suite struct SilentConnectionTests {
  private static func request(wait: Double = 60) -> LeaseRequest {
    LeaseRequest(workerID: "w", max: 1, queues: ["default"], kinds: [], waitSeconds: wait)
  }

  private static func heartbeat(_ client: CoordinatorClient) async throws {
    _ = try await client.heartbeat(
      Heartbeat(state: .active, interruption: nil, leases: []), of: "w", timeout: .seconds(1))
  }

  @Test func aPollEndsWhenAHeartbeatIsNotAnswered() async throws {
    try await CoordinatorDouble.run { coordinator in
      try await coordinator.withClient { client, _ in
        let poll = Task { try await client.lease(Self.request()) }
        try await coordinator.wait("the poll") { $0.leaseRequests == 1 }
        coordinator.state.update { $0.holdHeartbeatAnswers = true }
        let start = ContinuousClock.now
        await #expect(throws: CoordinatorError.self) { try await Self.heartbeat(client) }
        let error = await #expect(throws: CoordinatorError.self) { try await poll.value }
        #expect(error?.isTransient == true)
        #expect(ContinuousClock.now - start < .seconds(30), "long before the poll's own time-out")
        coordinator.state.update { $0.holdHeartbeatAnswers = false }
        // The double does not notice that the first poll has gone, and may give it one of them.
        for _ in 0..<2 { try coordinator.submit("noop") }
        #expect(try await client.lease(Self.request()).count == 1)
      }
    }
  }

  @Test func aPollOutlivesHeartbeatsThatAreAnswered() async throws {
    try await CoordinatorDouble.run { coordinator in
      try await coordinator.withClient { client, _ in
        let poll = Task { try await client.lease(Self.request()) }
        try await coordinator.wait("the poll") { $0.leaseRequests == 1 }
        for _ in 0..<5 { try await Self.heartbeat(client) }
        try coordinator.submit("noop")
        #expect(try await poll.value.count == 1)
        #expect(coordinator.state.value.leaseRequests == 1)
      }
    }
  }

  @Test func aCheckpointOnItsWayIsLeftAlone() async throws {
    try await CoordinatorDouble.run { coordinator in
      try await coordinator.withClient { client, _ in
        let job = try coordinator.submit("noop")
        let lease = try #require(try await client.lease(Self.request()).first?.leaseID)
        coordinator.state.update {
          $0.holdCheckpoints = true
          $0.holdHeartbeatAnswers = true
        }
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        let upload = Task {
          try await client.saveCheckpoint(bytes, contentType: "text/plain", of: lease) { .now + .seconds(60) }
        }
        try await coordinator.wait("the checkpoint") { $0.checkpointRequests == 1 }
        await #expect(throws: CoordinatorError.self) { try await Self.heartbeat(client) }
        coordinator.state.update { $0.holdCheckpoints = false }
        #expect(try await upload.value.sequence == 1)
        #expect(coordinator.state.value.checkpointRequests == 1)
        #expect(coordinator.state.value.jobs[job]?.checkpoint == bytes)
        coordinator.state.update { $0.holdHeartbeatAnswers = false }
      }
    }
  }

  @Test func aWorkerWhoseHeartbeatsAreNotAnsweredAsksForWorkAnew() async throws {
    try await CoordinatorDouble.run(ttl: 6, heartbeat: 1) { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("a poll") { $0.leaseRequests == 1 }
        coordinator.state.update { $0.holdHeartbeatAnswers = true }
        // By itself the poll would wait for 20 s.
        try await coordinator.wait("another poll", within: 15) { $0.leaseRequests > 1 }
        coordinator.state.update { $0.holdHeartbeatAnswers = false }
      }
    }
  }
}
