import BatonLocalPostgres
import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct DatabaseRestartTests {
  @Test(arguments: [LocalPostgres.StopMode.fast, .immediate])
  func theFleetOutlivesARestartOfTheDatabaseUnderLoad(_ mode: LocalPostgres.StopMode) async throws {
    let server = try TestServer.makeServer()
    do {
      try await server.start()
      try await Fleet.with(databaseURL: await server.url()) { fleet in
        try await run(fleet, server, mode)
      }
    } catch {
      await server.shutdown()
      throw error
    }
    await server.shutdown()
  }

  private func run(_ fleet: Fleet, _ server: LocalPostgres, _ mode: LocalPostgres.StopMode) async throws {
    let coordinator = try await fleet.startCoordinator(lease: 3)
    for index in 1...2 { _ = try await fleet.startWorker("worker\(index)", for: coordinator, slots: 4) }
    let load = Load(fleet: fleet, coordinators: [coordinator], job: .steps(2, seconds: 0.01))
    let hand = HandWorker(coordinator: coordinator, queue: "by-hand")
    for _ in 0..<200 {
      _ = try await fleet.submit(JobSubmission.noop.with { $0.queue = "by-hand" }, to: coordinator)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await load.submit(600, clients: 4) }
      group.addTask { try await hand.work(until: 200) }
      group.addTask {
        for round in 1...2 {
          try await eventually("some work before restart \(round)") {
            load.submitted.count > 150 * round && hand.accepted.count > 10 * round
          }
          try await server.restart(mode: mode)
        }
      }
      try await group.waitForAll()
    }
    try await load.awaitDone(at: coordinator)
    try await load.expectOneOutcomeEach()
    // Every settlement that was accepted stands.
    let accepted = hand.accepted
    let rows = try await fleet.sql(
      "select count(*) from attempts where outcome = 'done' and lease_id = any($1)",
      .uuidArray(accepted.map(\.uuid)))
    #expect(try rows.first?.int(0) == accepted.count)
    #expect(accepted.count == 200)
    #expect(try await fleet.count("select count(*) from jobs where status = 'done'") == 800)
    #expect(try await fleet.count("select count(*) from jobs where failures > 0") == 0)
    #expect(coordinator.ending == nil)
  }
}
