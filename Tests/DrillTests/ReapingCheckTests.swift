import Testing

@testable import BatonDrill

/// What dead workers held is taken from them in time: the judgement that the drills share.
@Suite struct ReapingCheckTests {
  private let words = "attempt 1 of job 0 was held by a, of which nothing was heard any more, and"

  /// A lease lasts 6 s. One of them was given at 10, and its worker died at 20; the record says that it ended then.
  private func history(end: Double, suspendedUntil wake: Double? = nil, tellsLease: Bool = true) -> HistoryMaker {
    let job = DrillJob(index: 0, kind: .steps, steps: 8, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto)
    var history = HistoryMaker()
    history.accept(job)
    if tellsLease { history.at(0, .lease(seconds: 6)) }
    history.at(0, .workerStarted("a"))
    history.at(10, .given(worker: "a", job: "id-0", attempt: 1), .began(worker: "a", job: "id-0", attempt: 1))
    if let wake {
      history.at(20, .suspended(worker: "a"))
      history.at(wake, .resumed(worker: "a"))
    } else {
      history.at(20, .programEnded("a", .signalled(9), .killed))
    }
    history.end(job, "done", ("a", "lost", 10, end), ("b", "done", 40, 41))
    return history
  }

  private func reaping(_ history: HistoryMaker) -> Reaping {
    InterruptionCheck(history: history.entries).judgeReaping()
  }

  @Test func aLeaseThatEndsInTimeIsGood() {
    #expect(reaping(history(end: 27.5)) == Reaping(delays: [1.5]))
    #expect(reaping(history(end: 24)) == Reaping(delays: [0]), "it was renewed some time before")
    #expect(reaping(history(end: 27.5, suspendedUntil: 35)) == Reaping(delays: [1.5]))
  }

  @Test func aLeaseThatEndsTooLateIsFound() {
    #expect(reaping(history(end: 29)).violations == ["\(words) ended only 3.0 s after its lease had run out"])
    #expect(
      reaping(history(end: 36, suspendedUntil: 35)).violations
        == ["\(words) ended only 10.0 s after its lease had run out"])
    let verdict = FaultCheck(history: history(end: 29).entries, faults: []).verdict()
    #expect(verdict.reapings == [3])
    #expect(verdict.violations.contains { $0.hasPrefix(words) })
  }

  @Test func aLeaseThatNeverEndsIsFound() {
    var history = history(end: 29)
    let attempt = JobEnding.Attempt(number: 1, worker: "a", outcome: nil, reason: nil, startedAt: 10, endedAt: nil)
    history.at(3000, .ending(JobEnding(job: 0, id: "id-0", status: "processing", error: nil, attempts: [attempt])))
    #expect(reaping(history).violations == ["\(words) never ended"])
  }

  @Test func theInterruptionsDrillJudgesTheSame() {
    func verdict(end: Double) -> InterruptionVerdict {
      var history = HistoryMaker()
      history.at(0, .lease(seconds: 10))
      history.killedWorker("a", at: 25.2)
      history.worker("b")
      history.accept(.hundredSteps())
      history.at(1, .given(worker: "a", job: "id-0", attempt: 1))
      history.run(.steady(1, on: "a", from: 1, steps: 1...48))
      history.run(.steady(2, on: "b", from: 40, steps: 41...100))
      history.end(.hundredSteps(), "done", ("a", "lost", 1, end), ("b", "done", 40, 80))
      return history.verdict
    }
    #expect(verdict(end: 36).violations == [])
    #expect(verdict(end: 36).reapings.count == 1)
    #expect(verdict(end: 39).violations == ["\(words) ended only 3.8 s after its lease had run out"])
  }

  @Test func onlyALateMachineExcusesIt() {
    var late = history(end: 29)
    late.at(22, .late(seconds: 0.4))
    #expect(reaping(late).violations == [])
    var earlier = history(end: 29)
    earlier.at(12, .late(seconds: 0.4))
    #expect(reaping(earlier).violations.count == 1)
  }

  @Test func whatIsNotCertainIsNotJudged() {
    // It woke, and may have renewed it.
    #expect(reaping(history(end: 40, suspendedUntil: 28)) == Reaping())
    // Its worker was only told to go, or nobody knows how long a lease lasts.
    #expect(reaping(history(end: 29, tellsLease: false)) == Reaping())
    // It had ended before.
    #expect(reaping(history(end: 19)) == Reaping())
  }

  /// In the good history of a fault, which is from 10 to 15 and settled at 30, a worker dies at 12.
  @Test(arguments: [(WorkerKilled() as any Fault, true), (CoordinatorKilled() as any Fault, false)])
  func whileCoordinatorsMayBeAwayNothingIsJudged(fault: any Fault, isJudged: Bool) {
    var history = history(end: 29)
    history.at(5, .phase(fault: fault.name, .before))
    history.at(19, .phase(fault: fault.name, .begun))
    history.at(20, .phase(fault: fault.name, .passed(evidence: "signal 9")))
    history.at(30, .phase(fault: fault.name, .settled))
    history.at(40, .phase(fault: fault.name, .over))
    let found = FaultCheck(history: history.entries, faults: [fault]).verdict().violations
    #expect(found.contains { $0.hasPrefix(words) } == isJudged)
  }
}
