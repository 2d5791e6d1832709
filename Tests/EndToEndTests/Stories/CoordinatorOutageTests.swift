import BatonShared
import BatonTestSupport
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct CoordinatorOutageTests {
  @Test func workersCarryOnWithoutTheCoordinatorAndDeliverAfterwards() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 30)
      let worker = try await fleet.startWorker("worker", for: coordinator, slots: 3)
      let evidence = fleet.folder + "/evidence"
      let steps = try await fleet.submit(.steps(40, seconds: 0.05), to: coordinator)
      let program = try await fleet.submit(
        try .shell("sleep 2; echo '{\"answer\":42}' > $BATON_RESULT_FILE; echo > \(evidence)"), to: coordinator)
      try await fleet.started(steps, program, on: worker)
      try await coordinator.killAndWait()
      try await eventually("the end of the program while the coordinator is down") { access(evidence, F_OK) == 0 }
      let again = try await fleet.startCoordinator("coordinator again", lease: 30, port: coordinator.port)

      let job = try await fleet.finish(program, at: again)
      #expect(job.status == .done && job.number("answer") == 42 && job.attempt == 1)
      let counted = try await fleet.finish(steps, at: again)
      #expect(counted.status == .done && counted.attempt == 1 && counted.number("executed") == 40)
      // And it goes on.
      let next = try await fleet.submit(.noop, to: again)
      #expect(try await fleet.finish(next, at: again).status == .done)
      #expect(worker.ending == nil)
    }
  }

  enum Outage: CaseIterable, Sendable { case killed, stopped }

  @Test(.enabled(if: ProcessTable.isAvailable), arguments: Outage.allCases)
  func aWorkerThatIsCutOffStopsItsJobBeforeTheLeaseExpires(_ outage: Outage) async throws {
    try await Fleet.with { fleet in
      var coordinator = try await fleet.startCoordinator(lease: 3)
      let worker = try await fleet.startWorker("worker", for: coordinator)
      let evidence = fleet.folder + "/evidence"
      // The first attempt works, visibly and against every SIGTERM, until it is killed.
      let id = try await fleet.submit(
        try .shell(
          """
          if [ $BATON_ATTEMPT = 1 ]; then
            trap '' TERM
            while :; do date +%s.%N > \(evidence).new; mv \(evidence).new \(evidence); sleep 0.05; done
          fi
          """), to: coordinator)
      try await fleet.running(id, at: coordinator)
      try await eventually("the program at work") { access(evidence, F_OK) == 0 }
      let lease = try await fleet.attempts(id, at: coordinator)[0].leaseID
      switch outage {
      case .killed: try await coordinator.killAndWait()
      case .stopped: coordinator.signal(SIGSTOP)
      }
      try await eventually("the end of the program") { fleet.programs(of: lease).isEmpty }
      let text = try String(contentsOfFile: evidence, encoding: .utf8)
      let lastWork = try #require(Double(text.filter { !$0.isWhitespace }))
      let expiry = try await fleet.sql(
        "select extract(epoch from expires_at)::float8 from attempts where lease_id = $1", .uuid(lease.uuid))
      let expiresAt = try #require(expiry.first).double(0)
      #expect(lastWork < expiresAt)
      // Not much too early either: it worked on while it could be sure.
      #expect(expiresAt - lastWork < 1.5)
      // Nobody reaps meanwhile; wait until the lease is really over.
      try await eventually("the expiry of the lease") {
        try await fleet.count("select (expires_at < now())::integer from attempts where lease_id = '\(lease)'") == 1
      }
      switch outage {
      case .killed:
        coordinator = try await fleet.startCoordinator("coordinator again", lease: 3, port: coordinator.port)
      case .stopped: coordinator.signal(SIGCONT)
      }

      let job = try await fleet.finish(id, at: coordinator)
      #expect(job.status == .done && job.attempt == 2 && job.failures == 0)
      let first = try await fleet.attempts(id, at: coordinator)[0]
      // Handed back where nobody had noticed yet, else lost; in no case an outcome.
      #expect(first.outcome == .lost || first.outcome == .released, "\(String(describing: first.outcome))")
      #expect(worker.ending == nil)
    }
  }

  @Test func whatWasStoppedForWantOfTrustIsHandedBackWhenTheLeaseIsInForceAfterAll() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 6, heartbeat: 0.5)
      let worker = try await fleet.startWorker("worker", for: coordinator, slots: 2)
      let counts = try await fleet.submit(.steps(400, seconds: 0.02, checkpointEvery: 1000), to: coordinator)
      let talks = try await fleet.submit(
        try .shell("[ $BATON_ATTEMPT = 2 ] || while :; do echo at work; sleep 0.05; done"), to: coordinator)
      try await fleet.started(counts, talks, on: worker)
      coordinator.signal(SIGSTOP)
      // What is left of the lease then is the margin, nearly a second.
      try await eventually("the worker giving both up") {
        worker.log.split(separator: "could not be renewed in time").count == 3
      }
      coordinator.signal(SIGCONT)
      for id in [counts, talks] {
        let job = try await fleet.finish(id, at: coordinator)
        #expect(job.status == .done && job.failures == 0 && job.losses == 0)
        try await fleet.expectOutcomes([.released, .done], of: id, at: coordinator)
      }
    }
  }
}
