import Testing

@testable import BatonDrill

/// Whether workers come and go as they should.
@Suite struct WorkerCheckTests {
  private let job = DrillJob.hundredSteps()

  private func expect(
    _ history: HistoryMaker, violates words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let violations = history.verdict.violations
    #expect(violations.contains { $0.contains(words) }, "\(violations)", sourceLocation: sourceLocation)
  }

  @Test func aWorkerThatEndsByItselfIsFound() {
    var history = HistoryMaker()
    history.at(0, .workerStarted("a"), .workerReady("a"))
    history.at(10, .workerEnded("a", .exited(0)))
    expect(history, violates: "nobody had told it to")
  }

  @Test func aWorkerThatCrashesWhenToldToGoIsFound() {
    var history = HistoryMaker()
    history.at(0, .workerStarted("a"), .workerReady("a"))
    history.at(5, .fault(number: 1, .notice, worker: "a", deadline: 25))
    history.at(10, .workerEnded("a", .signalled(11)))
    expect(history, violates: "was told to go and ended with signal 11")
  }

  @Test func aWorkerThatNeverEndsIsFound() {
    var history = HistoryMaker()
    history.at(0, .workerStarted("a"), .workerReady("a"))
    expect(history, violates: "a has not ended")
  }

  @Test func aWorkerThatCouldNotBeStartedIsFound() {
    var history = HistoryMaker()
    history.at(0, .workerStarted("a"))
    history.at(0.1, .workerEnded("a", .notStarted("no such file")))
    expect(history, violates: "nobody had told it to")
  }

  /// Told at 20 with 10 s of notice; seen when it says; killed when the time was over, with a job in its hands or not.
  private func overdue(seen: Double?, late: Double? = nil, isBusy: Bool = true) -> HistoryMaker {
    var history = HistoryMaker()
    if isBusy {
      history.worker("b")
      history.accept(job)
      history.run(.steady(1, on: "a", from: 1, steps: 1...57))
      history.run(.steady(2, on: "b", from: 41, steps: 51...100))
      history.end(job, "done", ("a", "lost", 1, 40), ("b", "done", 41, 70))
    }
    history.at(0, .workerStarted("a"), .workerReady("a"))
    history.at(20, .fault(number: 1, .notice, worker: "a", deadline: 30))
    if let seen { history.at(seen, .drainSeen(worker: "a", source: "ec2_spot")) }
    if let late { history.at(29, .late(seconds: late)) }
    history.at(30, .killed(worker: "a", isOverdue: true))
    history.at(30.1, .workerEnded("a", .signalled(9)))
    return history
  }

  @Test func aWorkerThatStaysBeyondItsTimeIsFound() {
    #expect(overdue(seen: 20.4).verdict.overdue == 1)
    expect(overdue(seen: 20.4), violates: "still there when its time was over")
  }

  @Test func onlyAWorkerThatHardlyKnewIsExcused() {
    // It knew for long, however late the machine was for a moment.
    expect(overdue(seen: 21, late: 1), violates: "still there")
    // It was told when it was nearly over, on a machine that stood still for so long.
    let verdict = overdue(seen: 29, late: 8).verdict
    #expect(verdict.violations == [])
    #expect(verdict.remarks.count == 1)
  }

  @Test func notHavingSeenTheNoticeAtAllIsNoExcuseOnAnIdleMachine() {
    // Half a second is how often workers look. Nothing was late.
    expect(overdue(seen: nil), violates: "still there")
  }

  @Test func aWorkerThatHadOnlyToExitIsExcusedByALateMachine() {
    func history(endedAt end: Double, late: Double) -> HistoryMaker {
      var history = overdue(seen: 20.4, late: late, isBusy: false)
      history.worker("b")
      history.accept(job)
      history.run(.steady(1, on: "a", from: 1, steps: 1...50, interrupted: true))
      history.run(.steady(2, on: "b", from: 32, steps: 51...100))
      history.end(job, "done", ("a", "interrupted", 1, end), ("b", "done", 32, 60))
      return history
    }
    #expect(history(endedAt: 28, late: 0.4).verdict.violations == [])
    #expect(history(endedAt: 28, late: 0.4).verdict.remarks.count == 1)
    // Not on an idle machine, and not with work in its hands.
    expect(history(endedAt: 28, late: 0.1), violates: "still there")
    expect(history(endedAt: 31, late: 0.4), violates: "still there")
  }

  /// Suspended from 20 to 40; its job goes on elsewhere at 31; the program wakes and does one more step.
  private func suspended(lastStepAt last: Double) -> HistoryMaker {
    var history = HistoryMaker()
    history.at(0, .workerStarted("a"), .workerReady("a"))
    history.at(20, .fault(number: 1, .suspend, worker: "a", deadline: nil), .suspended(worker: "a"))
    history.at(40, .resumed(worker: "a"))
    history.at(1000, .fault(number: 0, .terminate, worker: "a", deadline: 1030))
    history.at(1001, .workerEnded("a", .exited(0)))
    history.worker("b")
    history.accept(job)
    var run = ProgramRun.steady(1, on: "a", from: 1, steps: 1...37)
    run.steps.append(.init(number: 38, at: last))
    history.run(run)
    history.run(.steady(2, on: "b", from: 31, steps: 31...100))
    history.end(job, "done", ("a", "lost", 1, 30), ("b", "done", 31, 70))
    return history
  }

  @Test func aSuspendedProgramMayDoOneStepBeforeItIsEnded() {
    let verdict = suspended(lastStepAt: 40.1).verdict
    #expect(verdict.violations == [])
    #expect(verdict.stepsAfterWaking == 1)
    #expect(verdict.redone[.suspension]?.map(\.steps) == [8])
  }

  @Test func aSuspendedProgramThatIsNotEndedIsFound() {
    expect(suspended(lastStepAt: 45), violates: "worked at the same time")
  }

  @Test func aWithdrawnRecommendationEndsNobody() {
    var history = HistoryMaker()
    history.worker("a")
    history.at(10, .fault(number: 1, .rebalanceWithdrawn, worker: "a", deadline: nil))
    #expect(history.verdict.violations == [])
    #expect(history.verdict.faults == [.rebalanceWithdrawn: 1])
  }

  @Test func programsThatOutliveTheirWorkersAreFound() {
    var history = HistoryMaker()
    history.worker("a")
    history.at(1001, .left(processes: 2))
    expect(history, violates: "2 programs were still running")
  }
}
