import Testing

@testable import BatonCommandLine

@Suite struct FleetStateTests {
  private let workers = ["worker-1", "worker-2"]

  /// A fleet that is ready.
  private func running(restartsWorkers: Bool = false) -> FleetState {
    var state = FleetState(workers: workers, restartsWorkers: restartsWorkers)
    _ = state.begin()
    _ = state.handle(.databaseReady)
    for (index, name) in (["coordinator"] + workers).enumerated() {
      _ = state.handle(.started(name, pid: Int32(index + 1)))
      _ = state.handle(.ready(name))
    }
    return state
  }

  private func without(says actions: [FleetState.Action]) -> [FleetState.Action] {
    actions.filter { if case .say = $0 { false } else { true } }
  }

  @Test func theFleetStartsInOrderAndIsAnnouncedOnce() {
    var state = FleetState(workers: workers, restartsWorkers: false)
    #expect(state.begin() == [.startDatabase])
    #expect(state.handle(.databaseReady) == [.start("coordinator")])
    #expect(state.handle(.started("coordinator", pid: 1)) == [])
    #expect(state.handle(.ready("coordinator")) == [.start("worker-1"), .start("worker-2")])
    #expect(state.handle(.started("worker-1", pid: 2)) == [])
    #expect(state.handle(.started("worker-2", pid: 3)) == [])
    #expect(state.handle(.ready("worker-2")) == [])
    #expect(state.handle(.ready("worker-1")) == [.writeFleetFile, .announceReady])
    #expect(state.processes.map(\.pid) == [1, 2, 3])
  }

  @Test func anOrderlyStopEndsWithZero() {
    var state = running()
    #expect(
      without(says: state.handle(.stopRequested))
        == [.removeFleetFile, .terminate("worker-1"), .terminate("worker-2")])
    #expect(without(says: state.handle(.exited("worker-2", .exited(0)))) == [])
    #expect(without(says: state.handle(.exited("worker-1", .exited(0)))) == [.terminate("coordinator")])
    #expect(state.handle(.exited("coordinator", .exited(0))) == [.finish(0)])
  }

  @Test func aSecondRequestKillsTheWorkersAndAThirdTheCoordinator() {
    var state = running()
    _ = state.handle(.stopRequested)
    #expect(without(says: state.handle(.stopRequested)) == [.kill("worker-1"), .kill("worker-2")])
    _ = state.handle(.exited("worker-1", .signalled(9)))
    #expect(without(says: state.handle(.exited("worker-2", .signalled(9)))) == [.terminate("coordinator")])
    #expect(state.handle(.stopRequested) == [.kill("coordinator")])
    #expect(state.handle(.exited("coordinator", .signalled(9))) == [.finish(130)])
  }

  @Test func aCoordinatorThatDiesIsStartedAgainLaterAndLater() {
    var state = running()
    for milliseconds in [500, 1000, 2000, 4000, 8000, 15_000, 15_000] {
      #expect(
        without(says: state.handle(.exited("coordinator", .signalled(9))))
          == [.writeFleetFile, .restart("coordinator", after: .milliseconds(milliseconds))])
      #expect(state.handle(.restartDue("coordinator")) == [.start("coordinator")])
      #expect(state.handle(.started("coordinator", pid: 9)) == [.writeFleetFile])
    }
    #expect(state.handle(.ready("coordinator")) == [.say("coordinator is ready again", .green)])
    #expect(
      without(says: state.handle(.exited("coordinator", .exited(1)))).last
        == .restart("coordinator", after: .milliseconds(500)))
  }

  @Test func aWorkerThatDiesStaysDeadUnlessAskedFor() {
    var state = running()
    #expect(
      state.handle(.exited("worker-1", .signalled(9)))
        == [.writeFleetFile, .say("worker-1 was killed by signal 9", .red)])
    #expect(state.processes.map(\.name) == ["coordinator", "worker-2"])
    #expect(
      state.handle(.exited("worker-2", .exited(0))) == [
        .writeFleetFile, .say("worker-2 exited with status 0", .yellow),
      ])
    // Nobody is left to wait for.
    #expect(without(says: state.handle(.stopRequested)) == [.removeFleetFile, .terminate("coordinator")])

    var restarting = running(restartsWorkers: true)
    #expect(
      without(says: restarting.handle(.exited("worker-1", .signalled(9))))
        == [.writeFleetFile, .restart("worker-1", after: .milliseconds(500))])
  }

  @Test func whatCannotStartStopsEverythingAndEndsWithOne() {
    var state = FleetState(workers: workers, restartsWorkers: true)
    _ = state.begin()
    _ = state.handle(.databaseReady)
    #expect(
      state.handle(.exited("coordinator", .exited(78)))
        == [.say("coordinator exited with status 78", .red), .removeFleetFile, .finish(1)])

    state = FleetState(workers: workers, restartsWorkers: true)
    _ = state.begin()
    _ = state.handle(.databaseReady)
    _ = state.handle(.ready("coordinator"))
    #expect(
      without(says: state.handle(.exited("worker-1", .notStarted("no"))))
        == [.removeFleetFile, .terminate("worker-2")])
    #expect(without(says: state.handle(.exited("worker-2", .exited(0)))) == [.terminate("coordinator")])
    #expect(state.handle(.exited("coordinator", .exited(0))) == [.finish(1)])
  }

  @Test func aDatabaseThatCannotStartEndsWithItsReason() {
    var state = FleetState(workers: workers, restartsWorkers: false)
    _ = state.begin()
    #expect(state.handle(.databaseFailed("no initdb")) == [.say("no initdb", .red), .finish(1)])
  }

  @Test func aStopWhileTheDatabaseStartsWaitsForIt() {
    var state = FleetState(workers: workers, restartsWorkers: false)
    _ = state.begin()
    #expect(state.handle(.stopRequested) == [])
    #expect(state.handle(.databaseReady) == [.finish(0)])
    var failing = FleetState(workers: workers, restartsWorkers: false)
    _ = failing.begin()
    _ = failing.handle(.stopRequested)
    #expect(failing.handle(.databaseFailed("gone")) == [.say("gone", .red), .finish(1)])
  }

  @Test func workersThatDrainGetTheirCoordinatorBack() {
    var state = running()
    _ = state.handle(.stopRequested)
    #expect(
      without(says: state.handle(.exited("coordinator", .signalled(11))))
        == [.restart("coordinator", after: .milliseconds(500))])
    #expect(state.handle(.restartDue("coordinator")) == [.start("coordinator")])
    _ = state.handle(.exited("worker-1", .exited(0)))
    #expect(without(says: state.handle(.exited("worker-2", .exited(0)))) == [.terminate("coordinator")])
  }

  @Test func aDatabaseThatEndsIsStartedAgain() {
    var state = running()
    #expect(without(says: state.handle(.databaseEnded)) == [.startDatabase])
    #expect(state.handle(.databaseReady) == [])
  }

  @Test func aRestartThatIsDueAfterTheStopHappensNot() {
    var state = running(restartsWorkers: true)
    _ = state.handle(.exited("worker-1", .signalled(9)))
    _ = state.handle(.stopRequested)
    #expect(state.handle(.restartDue("worker-1")) == [])
  }
}
