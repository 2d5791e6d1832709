import BatonClient
import BatonShared
import BatonTestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct TwoCoordinatorsTests {
  @Test func aWorkerThatWaitsAtOneIsWokenByAJobGivenToTheOther() async throws {
    try await Fleet.with { fleet in
      let one = try await fleet.startCoordinator("one", lease: 30)
      let other = try await fleet.startCoordinator("other", lease: 30)
      let worker = try await fleet.startWorker("worker", for: other)
      // Its request has to wait already.
      try await eventually("the long poll") {
        try await call("GET", other.address + "/metrics").text.contains("baton_lease_requests_waiting 1")
      }
      var gaps: [Duration] = []
      for _ in 0..<5 {
        let submitted = ContinuousClock.now
        let id = try await fleet.submit(.noop, to: one)
        let job = try await fleet.finish(id, at: one)
        gaps.append(ContinuousClock.now - submitted)
        try #require(job.status == .done)
        try await fleet.expectOutcomes([.done], of: id, at: one)
        #expect(job.workerID?.hasPrefix("\(worker.name)-") == true)
      }
      // Woken, not found by a look now and then.
      #expect(gaps.min()! < .milliseconds(500), "\(gaps)")
    }
  }

  @Test(arguments: ["one", "other"])
  func eitherMayBeKilledInTheMiddleOfALoad(_ victim: String) async throws {
    try await Fleet.with { fleet in
      let one = try await fleet.startCoordinator("one", lease: 2)
      let other = try await fleet.startCoordinator("other", lease: 2)
      for (index, order) in [(one, other), (other, one), (one, other)].enumerated() {
        _ = try await fleet.startWorker("worker\(index)", for: order.0, order.1, slots: 4)
      }
      let doomed = victim == "one" ? one : other
      let load = Load(fleet: fleet, coordinators: [one, other], job: .steps(2, seconds: 0.01))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await load.submit(300, clients: 4) }
        group.addTask {
          try await eventually("a third of the load") { load.submitted.count > 100 }
          try await doomed.killAndWait()
        }
        try await group.waitForAll()
      }
      let survivor = victim == "one" ? other : one
      try await load.awaitDone(at: survivor)
      try await load.expectOneOutcomeEach()
      // Whoever was submitted once and then again under its key is one job.
      #expect(try await fleet.count("select count(*) from jobs") == 300)
      // What was on its way to a worker was handed out in vain; that is a loss, and no failure.
      #expect(try await fleet.count("select count(*) from jobs where failures > 0 or status <> 'done'") == 0)
    }
  }
}
