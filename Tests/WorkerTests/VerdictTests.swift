import BatonJSON
import BatonShared
import Testing

@testable import BatonWorker

@Suite struct VerdictTests {
  private let lease = LeaseID()
  private let now = ContinuousClock.now

  private func verdict(
    _ result: Result<RawJSON?, any Error>?, halt: Halt? = nil, isInterrupted: Bool = false
  ) -> Verdict {
    let request = InterruptionRequest(
      stopBy: now + .seconds(3), deadline: now + .seconds(4),
      notice: InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 5), reason: "why")
    return Verdict.of(
      Verdict.Ending(
        result: result, halt: halt, interruption: isInterrupted ? request : nil, hasCheckpoint: true, endedAt: now),
      lease: lease)
  }

  private func settlement(_ verdict: Verdict) -> Settlement? {
    if case .settle(let settlement) = verdict { settlement } else { nil }
  }

  @Test func aResultIsDoneEvenDuringAnInterruption() {
    #expect(settlement(verdict(.success(.emptyObject)))?.outcome == .done)
    #expect(settlement(verdict(.success(nil), isInterrupted: true))?.outcome == .done)
  }

  @Test func whyAJobWasLetFinishIsOnRecord() {
    let note = LeaseRun.TriageNote(
      decision: "run_on", outlook: .willFinish, reason: "needs 2.0 s and will finish; 20.0 s left",
      notice: InterruptionNotice(source: "ec2_spot", action: "terminate", secondsLeft: 20),
      deadline: now + .seconds(18))
    let ending = Verdict.Ending(
      result: .success(nil), halt: nil, interruption: nil, triage: note, hasCheckpoint: false,
      endedAt: now + .seconds(2))
    #expect(
      settlement(Verdict.of(ending, lease: lease))?.reason
        == "finished 16.0 s before the deadline: ec2_spot terminate (needs 2.0 s and will finish; 20.0 s left)")
    #expect(settlement(verdict(.success(nil)))?.reason == nil)
  }

  @Test func whatEndsAfterItWasToldToStopIsNotBelieved() {
    // A handler that swallows its cancellation returns early, with half a result.
    #expect(settlement(verdict(.success(.null), halt: .cancel))?.outcome == .cancelled)
    #expect(settlement(verdict(.success(.null), halt: .timeout(seconds: 2.5)))?.outcome == .timedOut)
    #expect(settlement(verdict(.success(.null), halt: .handBack(reason: "r")))?.outcome == .interrupted)
  }

  @Test func ofALostLeaseNothingIsSaid() {
    for result in [.success(nil), .failure(CancellationError()), nil] as [Result<RawJSON?, any Error>?] {
      guard case .nothing = verdict(result, halt: .lost) else {
        Issue.record("something is said")
        continue
      }
      guard case .handBackIfHeld = verdict(result, halt: .untrusted) else {
        Issue.record("it is not asked")
        continue
      }
    }
    guard case .nothing = verdict(.failure(CoordinatorError.leaseLost)) else {
      Issue.record("something is said")
      return
    }
  }

  @Test func handingBackIsNoFailureOnlyWhenItWasAskedFor() {
    let asked = settlement(verdict(.failure(JobInterrupted()), isInterrupted: true))
    #expect(asked?.outcome == .interrupted)
    #expect(
      asked?.reason == "checkpointed and handed back 4.0 s before the deadline: ec2_spot terminate (why)")
    #expect(settlement(verdict(.failure(JobInterrupted())))?.outcome == .released)
  }

  @Test func aCoordinatorThatDoesNotAnswerIsNoFaultOfTheJobs() {
    let cutOff = Result<RawJSON?, any Error>.failure(CoordinatorError.unreachable("no answer"))
    guard case .handBackIfHeld(let settlement) = verdict(cutOff) else {
      Issue.record("it is not asked")
      return
    }
    #expect(settlement.outcome == .released)
    #expect(self.settlement(verdict(cutOff, isInterrupted: true))?.outcome == .interrupted)
    // What it refuses for good is: a checkpoint that is too large, for example.
    let refused = CoordinatorError.refused(Problem(.payloadTooLarge, "too large"), retryAfter: nil)
    #expect(self.settlement(verdict(.failure(refused)))?.outcome == .failed)
  }

  @Test func errorsAreFailures() {
    let failed = settlement(verdict(.failure(JobFailed(code: "c", message: "m", retryable: false, delaySeconds: 7))))
    #expect(failed?.outcome == .failed)
    #expect(failed?.error == JobFailure(code: "c", message: "m"))
    #expect(failed?.retryable == false)
    #expect(failed?.delaySeconds == 7)
    struct Odd: Error {}
    #expect(settlement(verdict(.failure(Odd())))?.error?.code == "handler_error")
    #expect(settlement(verdict(.failure(Odd()), isInterrupted: true))?.outcome == .failed)
  }
}
