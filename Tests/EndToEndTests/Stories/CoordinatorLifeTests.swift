import BatonShared
import BatonTestSupport
import Subprocess
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct CoordinatorLifeTests {
  @Test func aCoordinatorThatIsToldToStopEndsItsLongPollsAndGoesInPeace() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(environment: ["SHUTDOWN_DELAY_SECONDS": "1"])
      let request = LeaseRequest(workerID: "patient-1", max: 1, queues: ["default"], kinds: [], waitSeconds: 60)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let reply = try await call(
            "POST", coordinator.address + "/leases", headers: [("Content-Type", "application/json")],
            body: request.json, timeout: .seconds(60))
          #expect(reply.status == 200 && reply.text == #"{"leases":[]}"#, "\(reply)")
        }
        try await eventually("the long poll") {
          try await call("GET", coordinator.address + "/metrics").text.contains("baton_lease_requests_waiting 1")
        }
        coordinator.signal(SIGTERM)
        let told = ContinuousClock.now
        try await eventually("/ready saying no") { await fleet.readiness(of: coordinator) == 503 }
        #expect(try await call("GET", coordinator.address + "/health").status == 200)
        try await group.waitForAll()
        #expect(try await coordinator.waitForEnd() == .exited(0))
        #expect(ContinuousClock.now - told < .seconds(10))
      }
    }
  }

  @Test func migratingTwiceChangesNothingTheSecondTime() async throws {
    try await Fleet.with { fleet in
      let first = try await migrate(fleet)
      #expect(first.hasPrefix("applied migration"))
      let second = try await migrate(fleet)
      #expect(second == "the schema is up to date")
      #expect(try await fleet.count("select count(*) from jobs") == 0)
    }
  }

  private func migrate(_ fleet: Fleet) async throws -> String {
    let process = try await fleet.start(
      "migrate", program: "coordinator", arguments: ["migrate", "--database-url", fleet.databaseURL], port: 0)
    #expect(try await process.waitForEnd() == .exited(0), "\(process.log)")
    return try #require(process.log.split(separator: "\n").last.map(String.init))
  }

  @Test func coordinatorsThatStartAtOnceOnAnEmptyDatabaseGetAlong() async throws {
    try await Fleet.with { fleet in
      var coordinators: [RunningProcess] = []
      for index in 1...3 {
        coordinators.append(try await fleet.startCoordinator("coordinator\(index)", isAwaited: false))
      }
      for coordinator in coordinators { try await fleet.waitUntilReady(coordinator) }
      _ = try await fleet.startWorker("worker", for: coordinators[0])
      for coordinator in coordinators {
        let id = try await fleet.submit(.noop, to: coordinator)
        #expect(try await fleet.finish(id, at: coordinators[2]).status == .done)
      }
    }
  }

  @Test func aCoordinatorEndsWithWhoeverStartedIt() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      let worker = try await fleet.startWorker("worker", for: coordinator)
      // Closing their standard input is all that a parent that was killed does.
      worker.closeInput()
      #expect(try await worker.waitForEnd() == .exited(0))
      coordinator.closeInput()
      #expect(try await coordinator.waitForEnd() == .exited(0))
    }
  }
}
