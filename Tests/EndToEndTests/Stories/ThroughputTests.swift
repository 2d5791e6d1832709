import BatonClient
import BatonShared
import BatonTestSupport
import Testing

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct ThroughputTests {
  @Test func aThousandJobsRunOnceEachOnThreeWorkers() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 30)
      for index in 1...3 { _ = try await fleet.startWorker("worker\(index)", for: coordinator, slots: 4) }
      let jobs = Array(repeating: JobSubmission.noop, count: 1000)
      let ids = try await send(.submit(jobs), to: coordinator.address).ids
      #expect(Set(ids).count == 1000)
      try await eventually("the end of all jobs") {
        try await send(.statistics(), to: coordinator.address).jobs[.done] == 1000
      }
      #expect(try await fleet.count("select count(*) from attempts") == 1000)
      #expect(try await fleet.count("select count(*) from attempts where outcome = 'done' and attempt = 1") == 1000)
      #expect(try await fleet.count("select count(distinct job_id) from attempts") == 1000)
      #expect(try await fleet.count("select count(distinct worker_id) from attempts") == 3)
    }
  }
}
