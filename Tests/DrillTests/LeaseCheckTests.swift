import Testing

@testable import BatonDrill

/// A job is one worker's at a time, by what workers were told of their leases: the judgement that the drills share.
@Suite struct LeaseCheckTests {
  /// A job of two attempts: the first, from 10, is lost at 18; the second, from 20, is done at 28.
  private func violations(isOpen: Bool = false, _ add: (inout HistoryMaker) -> Void) -> [String] {
    let job = DrillJob(index: 0, kind: .steps, steps: 8, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto)
    var history = HistoryMaker()
    history.accept(job)
    history.end(job, "done", ("a", "lost", 10, 18), ("b", "done", 20, 28))
    if isOpen {
      let attempt = JobEnding.Attempt(number: 1, worker: "a", outcome: nil, reason: nil, startedAt: 10, endedAt: nil)
      history.at(3000, .ending(JobEnding(job: 0, id: "id-0", status: "processing", error: nil, attempts: [attempt])))
    }
    add(&history)
    let ofFaults = FaultCheck(history: history.entries, faults: []).verdict().violations
    let ofInterruptions = history.verdict.violations.filter { $0.contains("attempt") }
    // Of an attempt that has no end they have different things to say, too.
    if !isOpen { #expect(ofFaults.filter { $0.contains("attempt") } == ofInterruptions) }
    return ofInterruptions
  }

  /// What workers are told of them when all is well.
  private func good(_ history: inout HistoryMaker) {
    history.at(10, .given(worker: "a", job: "id-0", attempt: 1), .began(worker: "a", job: "id-0", attempt: 1))
    history.at(12.1, .answered(worker: "a", job: "id-0", attempt: 1, .held, sentAt: 12))
    // It stood still, asked again too late, and hears of it.
    history.at(20, .given(worker: "b", job: "id-0", attempt: 2), .began(worker: "b", job: "id-0", attempt: 2))
    history.at(21.1, .answered(worker: "a", job: "id-0", attempt: 1, .lost, sentAt: 21))
    history.at(22.1, .answered(worker: "b", job: "id-0", attempt: 2, .cancel, sentAt: 22))
    // It crossed its settlement.
    history.at(28.1, .answered(worker: "b", job: "id-0", attempt: 2, .lost, sentAt: 27.9))
  }

  @Test func oneAfterTheOtherIsGood() {
    #expect(violations(good) == [])
    // An answer that took long to arrive was given before.
    #expect(
      violations { history in
        good(&history)
        history.at(20.5, .answered(worker: "a", job: "id-0", attempt: 1, .held, sentAt: 17))
      } == [])
  }

  @Test func aHistoryThatTellsNothingOfLeasesIsNotJudgedByThem() {
    #expect(violations { $0.at(10, .began(worker: "a", job: "id-0", attempt: 1)) } == [])
  }

  @Test func anAttemptThatTwoWereGivenIsFound() {
    #expect(
      violations { history in
        good(&history)
        history.at(20.1, .given(worker: "c", job: "id-0", attempt: 2))
      } == ["attempt 2 of job 0 was given away 2 times, to b and c"])
  }

  @Test func anAttemptThatWasBegunByAnotherThanItsHolderIsFound() {
    #expect(
      violations { history in
        good(&history)
        history.at(20.1, .began(worker: "c", job: "id-0", attempt: 2))
      } == ["c began attempt 2 of job 0, which it had not been given"])
  }

  /// Worker b says at 20.5 that it drains.
  private func draining(given: Double = 20, began: Double, late: Double? = nil) -> [String] {
    violations { history in
      history.at(0, .workerStarted("b"))
      history.at(20.5, .drainSeen(worker: "b", source: "sigterm"))
      history.at(given, .given(worker: "b", job: "id-0", attempt: 2))
      history.at(began, .began(worker: "b", job: "id-0", attempt: 2))
      if let late { history.at(20.6, .late(seconds: late)) }
    }
  }

  @Test func aWorkerThatDrainsMayBeGivenALeaseAndHaveJustBegunAnother() {
    #expect(draining(began: 20.4) == [])
    #expect(draining(began: 20.6) == [], "it looked before it was told")
    #expect(draining(began: 21, late: 0.2) == [])
    #expect(
      violations { history in
        history.at(0, .workerStarted("b"))
        history.at(19, .drainSeen(worker: "b", source: "sigterm"))
        history.at(20, .given(worker: "b", job: "id-0", attempt: 2))
      } == [])
  }

  @Test func aWorkerThatBeginsAJobWhenItDrainsIsFound() {
    #expect(draining(began: 21) == ["b began attempt 2 of job 0 0.5 s after it had said that it drains"])
    // What it was given only after that it knows not to begin, late or not.
    #expect(draining(given: 20.55, began: 20.6, late: 0.2).count == 1)
  }

  @Test(arguments: ["held", "cancel"]) func aRenewalAfterTheNextAttemptWasGivenAwayIsFound(answer: String) {
    #expect(
      violations { history in
        good(&history)
        history.at(
          25, .answered(worker: "a", job: "id-0", attempt: 1, answer == "held" ? .held : .cancel, sentAt: 20.5))
      } == [
        "a's heartbeat for attempt 1 of job 0 was answered '\(answer)', though attempt 2 had been given to b 0.5 s before "
          + "it was sent"
      ])
  }

  @Test func aLeaseThatIsRefusedBeforeItsEndIsFound() {
    #expect(
      violations { history in
        good(&history)
        history.at(15, .answered(worker: "a", job: "id-0", attempt: 1, .lost, sentAt: 14.9))
      } == ["a's heartbeat for attempt 1 of job 0 was answered 'lost' 3.0 s before it ended"])
    #expect(
      violations { history in
        good(&history)
        history.at(15, .answered(worker: "a", job: "id-0", attempt: 7, .lost, sentAt: 14.9))
      } == ["a's heartbeat for attempt 7 of job 0 was answered 'lost', and it is not on record"])
  }

  @Test func aLeaseThatIsRefusedAndHasNoEndIsFound() {
    #expect(
      violations(isOpen: true) { history in
        history.at(10, .given(worker: "a", job: "id-0", attempt: 1))
        history.at(15, .answered(worker: "a", job: "id-0", attempt: 1, .lost, sentAt: 14.9))
      }.contains("a's heartbeat for attempt 1 of job 0 was answered 'lost', and on record it has no end"))
  }

  @Test func whatWasHandedBackAndIsNotOnRecordIsFound() {
    #expect(
      violations { history in
        good(&history)
        history.at(18, .told(worker: "a", job: "id-0", attempt: 1, "released"))
      }.contains { $0.contains("a was told that attempt 1 of job 0 is 'released'; on record it is 'lost'") })
  }

  @Test func aWorkersLogTellsOfItsLeases() throws {
    let rest = #""attempt":"2","job":"id-7","kind":"exec","answer":"held","sent_at":"1700000012.5"}"#
    for (message, event) in [
      ("a lease is given", HistoryEvent.given(worker: "w", job: "id-7", attempt: 2)),
      (
        "a heartbeat is answered",
        .answered(worker: "w", job: "id-7", attempt: 2, .held, sentAt: 12.5)
      ),
      ("a lease is handed back", .told(worker: "w", job: "id-7", attempt: 2, "released")),
      ("a lease that was to be handed back is lost", .told(worker: "w", job: "id-7", attempt: 2, "refused")),
    ] {
      let line = try #require(LogLine(#"{"level":"debug","message":"\#(message)",\#(rest)"#))
      #expect("\(try #require(WorkerWords.event(line, worker: "w", origin: 1_700_000_000)))" == "\(event)")
    }
  }
}
