import Testing

@testable import BatonDrill

/// Jobs that are to fail or to be cancelled end so, and whatever else they do is found.
@Suite struct FateCheckTests {
  private typealias Attempts = [(outcome: String?, from: Double, to: Double)]

  private func verdict(
    _ fate: DrillJob.Fate, _ status: String, _ attempts: Attempts, fault: any Fault = CoordinatorKilled(),
    and more: (inout HistoryMaker) -> Void = { _ in }
  ) -> FaultVerdict {
    let job = DrillJob(
      index: 3, kind: .steps, steps: 4, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto, fate: fate)
    var history = HistoryMaker()
    history.accept(job)
    let recorded = attempts.enumerated().map { position, attempt in
      JobEnding.Attempt(
        number: position + 1, worker: "a", outcome: attempt.outcome, reason: nil, startedAt: attempt.from,
        endedAt: attempt.outcome == nil ? nil : attempt.to)
    }
    history.at(200, .ending(JobEnding(job: 3, id: "id-3", status: status, error: nil, attempts: recorded)))
    history.at(0, .phase(fault: fault.name, .before))
    history.at(50, .phase(fault: fault.name, .begun))
    more(&history)
    return FaultCheck(history: history.entries, faults: [fault]).verdict()
  }

  private func violations(
    _ fate: DrillJob.Fate, _ status: String, _ attempts: Attempts, fault: any Fault = CoordinatorKilled(),
    and more: (inout HistoryMaker) -> Void = { _ in }
  ) -> [String] {
    // Only of the job: the fault of these histories has no end.
    verdict(fate, status, attempts, fault: fault, and: more).violations.filter { $0.contains("job 3") }
  }

  // MARK: Failures

  @Test func aJobThatFailsOnceIsDoneAfterThat() {
    #expect(violations(.failsOnce, "done", [("failed", 1, 2), ("done", 3, 4)]) == [])
    #expect(violations(.failsOnce, "done", [("lost", 1, 2), ("failed", 3, 4), ("done", 5, 6)]) == [])
    // Its worker may have been killed before it could say so.
    #expect(violations(.failsOnce, "done", [("lost", 1, 2), ("done", 3, 4)]) == [])
  }

  @Test func aJobThatFailsMoreOftenThanItWasToIsFound() {
    let attempts: Attempts = [("failed", 51, 52), ("failed", 53, 54), ("done", 55, 56)]
    #expect(violations(.failsOnce, "done", attempts) == ["job 3 was to fail once, and failed 2 times"])
    // Except on account of a fault.
    let excused = violations(.failsOnce, "done", attempts, fault: DiskFull()) { history in
      history.at(60, .phase(fault: "disk-full", .over))
    }
    #expect(excused == [])
  }

  @Test func aJobThatWasToFailOnceAndNeverDidIsFound() {
    #expect(violations(.failsOnce, "done", [("done", 1, 2)]) == ["job 3 was to fail once, and never did"])
  }

  @Test func aJobThatFailedWithAttemptsLeftIsFound() {
    let verdict = verdict(.failsOnce, "failed", [("failed", 1, 2)])
    #expect(verdict.violations.contains("job 3 is failed"))
    #expect(verdict.jobs.failed == 1)
  }

  @Test func aJobThatFailsForGoodIsNoFailureOfTheDrill() {
    let verdict = verdict(.fails, "failed", [("failed", 1, 2), ("lost", 3, 4), ("failed", 5, 6)])
    #expect(verdict.violations.filter { $0.contains("job 3") } == [])
    #expect(verdict.jobs == .init(accepted: 1, failedAsMeant: 1))
  }

  @Test func aFailureTooFewOrTooManyIsFound() {
    #expect(
      violations(.fails, "failed", [("failed", 1, 2)])
        == ["job 3 was to fail for good with failure 2, and its attempts are failed"])
    #expect(violations(.fails, "failed", [("failed", 1, 2), ("failed", 3, 4), ("failed", 5, 6)]).count == 1)
  }

  @Test func anInterruptionThatCountsAsAFailureIsFound() {
    #expect(
      violations(.fails, "failed", [("interrupted", 1, 2), ("failed", 3, 4), ("released", 5, 6), ("failed", 7, 8)])
        == [])
    #expect(
      violations(.fails, "failed", [("interrupted", 1, 2), ("failed", 3, 4)])
        == ["job 3 was to fail for good with failure 2, and its attempts are interrupted, failed"])
  }

  @Test func anAttemptAfterTheFinalFailureIsFound() {
    #expect(violations(.fails, "failed", [("failed", 1, 2), ("failed", 3, 4), ("lost", 5, 6)]).count == 1)
    #expect(
      violations(.fails, "queued", [("failed", 1, 2), ("failed", 3, 4)])
        == ["job 3 is lost: it is 'queued' in the end"])
  }

  @Test func aJobThatWasToFailAndIsDoneIsFound() {
    #expect(
      violations(.fails, "done", [("failed", 1, 2), ("done", 3, 4)]) == ["job 3 was to fail for good, and is done"])
  }

  @Test func aWorkerThatWasToldOfAnotherEndIsFound() {
    let found = violations(.fails, "failed", [("failed", 1, 2), ("lost", 3, 4), ("failed", 5, 6)]) { history in
      history.at(3.5, .told(worker: "a", job: "id-3", attempt: 2, "failed"))
      history.at(6, .told(worker: "a", job: "id-3", attempt: 3, "failed"))
      history.at(7, .told(worker: "a", job: "id-3", attempt: 2, "refused"))
    }
    #expect(found == ["a was told that attempt 2 of job 3 is 'failed'; on record it is 'lost'"])
  }

  // MARK: Cancellations

  private func cancelled(_ status: String, _ attempts: Attempts, answer: String?) -> [String] {
    violations(.cancelled, status, attempts) { history in
      if let answer { history.at(10, .cancelAnswered(job: 3, answer: answer)) }
    }
  }

  @Test func aCancelledJobIsNoFailureOfTheDrill() {
    #expect(cancelled("cancelled", [], answer: "cancelled") == [])
    #expect(cancelled("cancelled", [("lost", 1, 5)], answer: "cancelled") == [])
    #expect(cancelled("cancelled", [("cancelled", 9, 12)], answer: "processing") == [])
    // Its worker has died meanwhile.
    #expect(cancelled("cancelled", [("lost", 9, 16)], answer: "processing") == [])
    // The repetition of a request whose answer was lost.
    #expect(cancelled("cancelled", [("cancelled", 5, 8)], answer: "conflict") == [])
    let verdict = verdict(.cancelled, "cancelled", []) { $0.at(10, .cancelAnswered(job: 3, answer: "cancelled")) }
    #expect(verdict.jobs == .init(accepted: 1, cancelled: 1))
  }

  @Test func oneThatWasDoneBeforeIsGood() {
    #expect(cancelled("done", [("done", 5, 8)], answer: "conflict") == [])
    #expect(cancelled("done", [("done", 5, 10.1)], answer: "processing") == [], "just being reported")
  }

  @Test func aCancelledJobThatRunsAgainIsFound() {
    #expect(
      cancelled("cancelled", [("lost", 1, 5), ("lost", 11, 12)], answer: "cancelled")
        == ["job 3 was cancelled (cancelled), and its attempt 2 began 1.0 s after that"])
    #expect(cancelled("cancelled", [("lost", 9, 11), ("cancelled", 12, 13)], answer: "processing").count == 1)
    #expect(cancelled("cancelled", [("done", 12, 13)], answer: "conflict").count >= 1)
  }

  @Test func aCancelledJobThatIsDoneIsFound() {
    #expect(
      cancelled("done", [("done", 9, 10.5)], answer: "cancelled") == ["job 3 was cancelled (cancelled), and is done"])
  }

  @Test func aCancellationThatIsNotHeededIsFound() {
    #expect(
      cancelled("done", [("done", 5, 35)], answer: "processing")
        == ["job 3 was cancelled (processing), and ran on for 25.0 s"])
  }

  @Test func aFaultGivesACancellationMoreTime() {
    func found(_ fault: any Fault, end: Double) -> [String] {
      violations(.cancelled, "cancelled", [("lost", 5, end)], fault: fault) { history in
        history.at(40, .cancelAnswered(job: 3, answer: "processing"))
        history.at(58, .phase(fault: fault.name, .passed(evidence: "")))
      }
    }
    // It is from 50 to 58.
    #expect(found(NetworkFault(place: .database, kind: .cut), end: 60) == [])
    #expect(found(NetworkFault(place: .database, kind: .cut), end: 69).count == 1)
    #expect(found(PinnedTransaction(), end: 60).count == 1)
  }

  @Test func aCancellationWithoutAnAnswerIsFound() {
    #expect(
      cancelled("cancelled", [("cancelled", 9, 12)], answer: nil)
        == ["the cancellation of job 3 had no answer to the end"])
  }

  @Test func aJobThatNobodyCancelledIsFound() {
    let found = violations(.done, "cancelled", [("cancelled", 1, 2)])
    #expect(found == ["job 3 is cancelled", "attempt 1 of job 3 is 'cancelled' in the end"])
  }
}
