import BatonShared
import Testing

@testable import BatonDrill

/// Good histories are found good, and each bad one bad for its own reason.
@Suite struct InterruptionCheckTests {
  private let job = DrillJob.hundredSteps()

  /// One job, done at once, on one worker.
  private func undisturbed() -> HistoryMaker {
    var history = HistoryMaker()
    history.worker("a")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...100))
    history.end(job, "done", ("a", "done", 1, 52))
    return history
  }

  /// Told at 20 with 12 s of notice: the job hands back at step 50, and another worker goes on there.
  private func handedOver(goingOnAt first: Int = 51, interruptedAt last: Int = 50) -> HistoryMaker {
    var history = HistoryMaker()
    history.noticedWorker("a", at: 20, seconds: 12)
    history.worker("b")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...last, interrupted: true))
    history.run(.steady(2, on: "b", from: 27, steps: first...100))
    history.end(job, "done", ("a", "interrupted", 1, 26.3), ("b", "done", 26.9, 60))
    return history
  }

  /// Killed at 25.2, after step 48, with step 40 saved four seconds before.
  private func killed(goingOnAt first: Int = 41) -> HistoryMaker {
    var history = HistoryMaker()
    history.killedWorker("a", at: 25.2)
    history.worker("b")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...48))
    history.run(.steady(2, on: "b", from: 36, steps: first...100))
    history.end(job, "done", ("a", "lost", 1, 35), ("b", "done", 36, 80))
    return history
  }

  private func expect(
    _ history: HistoryMaker, violates words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let violations = history.verdict.violations
    #expect(violations.contains { $0.contains(words) }, "\(violations)", sourceLocation: sourceLocation)
  }

  // MARK: Good

  @Test func whatNobodyDisturbedIsGood() {
    let verdict = undisturbed().verdict
    #expect(verdict.violations == [])
    #expect((verdict.submitted, verdict.done, verdict.lost, verdict.failed) == (1, 1, 0, 0))
  }

  @Test func aHandOverAtTheVeryStepIsGoodAndCostsNoStep() {
    let verdict = handedOver().verdict
    #expect(verdict.violations == [])
    #expect(verdict.redone[.notice]?.map(\.steps) == [0])
    #expect(verdict.faults == [.notice: 1])
    #expect(verdict.handoverGaps.count == 1)
    #expect(abs(verdict.handoverGaps[0] - 0.6) < 0.001)
    // The part of a step that the signal cut off.
    #expect(abs((verdict.redone[.notice]?.first?.seconds ?? 0) - 0.2) < 0.001)
  }

  @Test func aKillCostsWhatWasDoneSinceTheCheckpoint() {
    let verdict = killed().verdict
    #expect(verdict.violations == [])
    #expect(verdict.redone[.kill]?.map(\.steps) == [8])
    #expect(abs((verdict.redone[.kill]?.first?.seconds ?? 0) - 4.2) < 0.001)
    #expect(verdict.killGaps.count == 1)
    #expect(verdict.attempts == ["lost": 1, "done": 1])
  }

  @Test func aCheckpointOfTheLastMomentMayBeMissed() {
    // Killed 0.2 s after step 48; the checkpoint of step 40 may be used or not if it came just then.
    var history = HistoryMaker()
    history.killedWorker("a", at: 21.2)
    history.worker("b")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...40))
    history.run(.steady(2, on: "b", from: 36, steps: 31...100))
    history.end(job, "done", ("a", "lost", 1, 31), ("b", "done", 36, 80))
    #expect(history.verdict.violations == [])
    #expect(history.verdict.redone[.kill]?.map(\.steps) == [10])
  }

  @Test func aJobThatWantsReleaseMayLoseWhatASuddenEndWould() {
    var history = HistoryMaker()
    let job = DrillJob.hundredSteps(behaviour: .release)
    history.noticedWorker("a", at: 20, seconds: 12)
    history.worker("b")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...38))
    history.run(.steady(2, on: "b", from: 27, steps: 31...100))
    history.end(job, "done", ("a", "interrupted", 1, 20.6), ("b", "done", 26.9, 80))
    #expect(history.verdict.violations == [])
    #expect(history.verdict.redone[.noticeOfRelease]?.map(\.steps) == [8])
  }

  // MARK: Jobs

  @Test func aJobWithoutAnEndIsLost() {
    var history = HistoryMaker()
    history.worker("a")
    history.accept(job)
    #expect(history.verdict.lost == 1)
    expect(history, violates: "job 0 is lost")
  }

  @Test(arguments: ["queued", "processing", "unknown"])
  func aJobThatIsNotFinishedIsLost(status: String) {
    var history = undisturbed()
    history.end(job, status, ("a", "done", 1, 52))
    #expect(history.verdict.lost == 1)
    expect(history, violates: "is lost")
  }

  @Test(arguments: ["failed", "cancelled"])
  func aJobThatFailedIsFound(status: String) {
    var history = undisturbed()
    history.end(job, status, ("a", "done", 1, 52))
    #expect(history.verdict.failed == 1)
    expect(history, violates: "job 0 is \(status)")
  }

  @Test func doneWithoutAllItsStepsIsFound() {
    var history = HistoryMaker()
    history.worker("a")
    history.accept(job)
    var run = ProgramRun.steady(1, on: "a", from: 1, steps: 1...100)
    run.steps.remove(at: 70)
    history.run(run)
    history.end(job, "done", ("a", "done", 1, 52))
    expect(history, violates: "its step 71 was never executed")
  }

  @Test func doneWithoutAProgramThatFinishedIsFound() {
    var history = HistoryMaker()
    history.worker("a")
    history.accept(job)
    var run = ProgramRun.steady(1, on: "a", from: 1, steps: 1...100)
    run.finishedAt = nil
    history.run(run)
    history.end(job, "done", ("a", "done", 1, 52))
    expect(history, violates: "never finished")
  }

  @Test func twoWorkersThatWereBothToldDoneAreFound() {
    var history = killed()
    history.at(90, .told(worker: "a", job: "id-0", attempt: 1, "done"))
    #expect(history.verdict.doubleSettled == 1)
    expect(history, violates: "settled as done 2 times")
    expect(history, violates: "a was told that attempt 1 of job 0 is 'done'; on record it is 'lost'")
  }

  @Test func twoAttemptsOnRecordAsDoneAreFound() {
    var history = killed()
    history.end(job, "done", ("a", "done", 1, 35), ("b", "done", 36, 80))
    #expect(history.verdict.doubleSettled == 1)
  }

  @Test func anAttemptWithoutAnEndIsFound() {
    var history = killed()
    let attempts: [JobEnding.Attempt] = [
      .init(number: 1, worker: "a", outcome: nil, reason: nil, startedAt: 1, endedAt: nil),
      .init(number: 2, worker: "b", outcome: "done", reason: nil, startedAt: 36, endedAt: 80),
    ]
    history.at(3000, .ending(JobEnding(job: 0, id: "id-0", status: "done", error: nil, attempts: attempts)))
    expect(history, violates: "job 0 is done, but its attempt 1 has no end")
  }

  @Test func anAttemptThatFailedIsFound() {
    var history = handedOver()
    history.end(job, "done", ("a", "failed", 1, 26.3), ("b", "done", 26.9, 60))
    expect(history, violates: "attempt 1 of job 0 is 'failed'")
  }

  @Test func aRefusedSettlementOfALostAttemptIsGood() {
    var history = killed()
    history.at(90, .told(worker: "a", job: "id-0", attempt: 1, "refused"))
    #expect(history.verdict.violations == [])
  }

  // MARK: Work

  @Test func stepsWorkedAgainAfterANoticeAreFound() {
    expect(handedOver(goingOnAt: 49), violates: "2 steps of attempt 1 on a were worked again")
    expect(handedOver(goingOnAt: 49), violates: "though step 50 had been saved")
  }

  @Test func aLateMachineExcusesStepsWorkedAgainOnlyJustThen() {
    var late = handedOver(goingOnAt: 49)
    late.at(26, .late(seconds: 0.8))
    #expect(late.verdict.violations == [])
    #expect(late.verdict.remarks.count == 1)
    var earlier = handedOver(goingOnAt: 49)
    earlier.at(15, .late(seconds: 0.8))
    expect(earlier, violates: "2 steps of attempt 1 on a were worked again")
    var hardly = handedOver(goingOnAt: 49)
    hardly.at(26, .late(seconds: 0.3))
    expect(hardly, violates: "2 steps of attempt 1 on a were worked again")
  }

  @Test func stepsThatNobodyExecutedAreFound() {
    expect(handedOver(goingOnAt: 53), violates: "though only 50 were executed")
    expect(handedOver(goingOnAt: 53), violates: "its step 51 was never executed")
  }

  @Test func aCheckpointThatWasSavedInTimeAndNotUsedIsFound() {
    expect(killed(goingOnAt: 31), violates: "though step 40 had been saved")
  }

  @Test func aKillThatCostsMoreThanTheIntervalIsFound() {
    var history = HistoryMaker()
    history.killedWorker("a", at: 25.2)
    history.worker("b")
    history.accept(job)
    // It never wrote a checkpoint.
    var run = ProgramRun.steady(1, on: "a", from: 1, steps: 1...48)
    run.checkpoints = []
    history.run(run)
    history.run(.steady(2, on: "b", from: 36, steps: 1...100))
    history.end(job, "done", ("a", "lost", 1, 35), ("b", "done", 36, 90))
    expect(
      history, violates: "48 steps of attempt 1 on a were worked again (killed); the checkpoint interval is 10 steps")
  }

  @Test func goingBackBehindWhatAnEarlierAttemptStartedFromIsFound() {
    var history = HistoryMaker()
    history.killedWorker("a", at: 25.2)
    history.killedWorker("b", at: 37)
    history.worker("c")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...48))
    history.run(.steady(2, on: "b", from: 36, steps: 41...42))
    history.run(.steady(3, on: "c", from: 50, steps: 31...100))
    history.end(job, "done", ("a", "lost", 1, 35), ("b", "lost", 36, 47), ("c", "done", 50, 99))
    expect(history, violates: "attempt 3 of job 0 began with step 31, though step 40 had been saved")
  }

  @Test func twoAttemptsAtTheSameTimeAreFound() {
    var history = HistoryMaker()
    history.worker("a")
    history.worker("b")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...48))
    history.run(.steady(2, on: "b", from: 20, steps: 31...100))
    history.end(job, "done", ("a", "lost", 1, 19), ("b", "done", 20, 80))
    expect(history, violates: "worked at the same time")
  }

  @Test func aLateMachineExcusesACheckpointThatCameTooLateButNotForEver() {
    var history = HistoryMaker()
    history.killedWorker("a", at: 23.2)
    history.worker("b")
    history.accept(job)
    history.run(.steady(1, on: "a", from: 1, steps: 1...44))
    history.run(.steady(2, on: "b", from: 36, steps: 31...100))
    history.end(job, "done", ("a", "lost", 1, 33), ("b", "done", 36, 80))
    expect(history, violates: "though step 40 had been saved")
    var slow = history
    slow.at(22.8, .late(seconds: 0.8))
    #expect(slow.verdict.violations == [])
    // Late at another time is no excuse.
    var earlier = history
    earlier.at(10, .late(seconds: 3))
    expect(earlier, violates: "though step 40 had been saved")
  }

  // MARK: The built-in kind

  private func builtIn(goingOnAt first: Int) -> HistoryMaker {
    let job = DrillJob.hundredSteps(kind: .steps)
    var history = HistoryMaker()
    history.noticedWorker("a", at: 20, seconds: 12)
    history.worker("b")
    history.accept(job)
    let attempts: [JobEnding.Attempt] = [
      .init(number: 1, worker: "a", outcome: "interrupted", reason: nil, startedAt: 1, endedAt: 26.3),
      .init(number: 2, worker: "b", outcome: "done", reason: nil, startedAt: 26.9, endedAt: 60),
    ]
    history.run(
      StepsLog.run(in: "checkpoint at step 40\ninterrupted at step 47 of 100\n", job: job, attempt: attempts[0]))
    history.run(StepsLog.run(in: "going on at step \(first - 1) of 100\n", job: job, attempt: attempts[1]))
    history.end(job, "done", ("a", "interrupted", 1, 26.3), ("b", "done", 26.9, 60))
    return history
  }

  @Test func theLogOfTheBuiltInKindTellsWhereAttemptsBegan() {
    #expect(builtIn(goingOnAt: 48).verdict.violations == [])
    #expect(builtIn(goingOnAt: 48).verdict.redone[.notice]?.map(\.steps) == [0])
    expect(builtIn(goingOnAt: 46), violates: "2 steps of attempt 1")
    expect(builtIn(goingOnAt: 46), violates: "though step 47 had been saved")
  }

  @Test func aJobThatIsDoneByNoAttemptIsFound() {
    var history = killed()
    history.at(
      3000,
      .ending(
        JobEnding(
          job: 0, id: "id-0", status: "done", error: nil,
          attempts: [
            .init(number: 1, worker: "a", outcome: "lost", reason: nil, startedAt: 1, endedAt: 35),
            .init(number: 2, worker: "b", outcome: "released", reason: nil, startedAt: 36, endedAt: 80),
          ])))
    expect(history, violates: "job 0 is done, but none of its attempts is")
  }

  @Test func aKilledWorkerThatEndsOtherwiseIsFound() {
    var history = killed()
    history.at(26, .workerEnded("a", .exited(3)))
    expect(history, violates: "a was killed, but ended with exit status 3")
  }
}
