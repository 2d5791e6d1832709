import Testing

@testable import BatonDrill

/// What was interrupted waits for a slot and for nothing else.
@Suite struct PrecedenceCheckTests {
  private func job(_ index: Int, kind: DrillJob.Kind = .steps) -> DrillJob {
    DrillJob(index: index, kind: kind, steps: 8, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto)
  }

  /// Job 0 is handed back at 12, and goes on at 14; job 1 is accepted later and begun meanwhile.
  private func history(
    _ outcome: String = "interrupted", newerAt begun: Double, acceptedAt: Double = 11, kind: DrillJob.Kind = .steps,
    nextAt next: Double = 14
  ) -> HistoryMaker {
    var history = HistoryMaker()
    history.at(9, .accepted(job(0), id: "id-0"))
    history.at(acceptedAt, .accepted(job(1, kind: kind), id: "id-1"))
    history.end(job(0), "done", ("a", outcome, 10, 12), ("b", "done", next, next + 1))
    history.end(job(1, kind: kind), "done", ("c", "done", begun, begun + 1))
    return history
  }

  private func violations(_ history: HistoryMaker) -> [String] {
    InterruptionCheck(history: history.entries).judgePrecedence()
  }

  @Test func whatWaitsWhileNobodyBeginsAnythingIsGood() {
    #expect(violations(history(newerAt: 11.5)) == [])
    #expect(violations(history(newerAt: 14.1)) == [])
    // An answer that crosses.
    #expect(violations(history(newerAt: 12.3)) == [])
  }

  @Test func aNewerJobThatIsBegunBeforeItIsFound() {
    let text = "attempt 1 of job 0 was interrupted, and 0.8 s later the newer job 1 was begun before it"
    #expect(violations(history(newerAt: 12.8)) == [text])
    #expect(history(newerAt: 12.8).verdict.violations.contains(text))
  }

  /// One that was not told of it looks for it every five seconds or so.
  @Test func whereThereAreTwoCoordinatorsTheOtherMayTakeSevenSecondsToSeeIt() {
    func found(newerAt begun: Double) -> [String] {
      FaultCheck(history: history(newerAt: begun, nextAt: 20).entries, faults: []).verdict().violations
        .filter { $0.contains("interrupted") }
    }
    #expect(found(newerAt: 18.9) == [])
    #expect(
      found(newerAt: 19.5)
        == ["attempt 1 of job 0 was interrupted, and 7.5 s later the newer job 1 was begun before it"])
  }

  @Test func whatHasAReasonToWaitIsGood() {
    // A failed job does, a lost one has been found late, and one that gave up by itself has asked for a moment.
    #expect(violations(history("released", newerAt: 12.8)) == [])
    #expect(violations(history("failed", newerAt: 12.8)) == [])
    #expect(violations(history("lost", newerAt: 12.8)) == [])
    // Some workers take no jobs of its kind for a while; and an older one goes first.
    #expect(violations(history(newerAt: 12.8, kind: .exec)) == [])
    #expect(violations(history(newerAt: 12.8, acceptedAt: 8)) == [])
  }

  @Test func aLateMachineExcusesItAndSoDoesAFaultOfTheCoordinators() {
    var late = history(newerAt: 12.8)
    late.at(12.5, .late(seconds: 0.2))
    #expect(violations(late) == [])
    func found(_ fault: any Fault) -> Int {
      var history = history(newerAt: 19.5, nextAt: 20)
      history.at(5, .phase(fault: fault.name, .before))
      history.at(11, .phase(fault: fault.name, .begun))
      history.at(12, .phase(fault: fault.name, .passed(evidence: "it did")))
      history.at(20, .phase(fault: fault.name, .settled))
      history.at(30, .phase(fault: fault.name, .over))
      return FaultCheck(history: history.entries, faults: [fault]).verdict().violations
        .count { $0.contains("interrupted") }
    }
    #expect(found(WorkerTerminated()) == 1)
    #expect(found(BackendsKilled()) == 0)
  }

  /// Jobs of a fleet, each interrupted once, that go on so many seconds later.
  private func handovers(_ count: Int, workers: Int = 4, after gap: Double, late: Double = 0) -> [String] {
    var history = HistoryMaker()
    for worker in 1...workers { history.worker("w\(worker)-1") }
    for index in 0..<count {
      history.accept(job(index))
      history.end(job(index), "done", ("w1-1", "interrupted", 10, 20), ("w2-1", "done", 20 + gap, 30))
    }
    if late > 0 { history.at(20.5, .late(seconds: late)) }
    return InterruptionCheck(history: history.entries).judgeHandovers()
  }

  @Test func interruptedJobsThatWaitAsFailedOnesDoAreFound() {
    #expect(handovers(20, after: 1) == ["half of the jobs that were interrupted waited for 1.0 s and more"])
    #expect(handovers(20, after: 0.3) == [])
    // In a small fleet, or of few jobs, it may be for want of a slot; on a late machine for that.
    #expect(handovers(20, workers: 3, after: 1) == [])
    #expect(handovers(19, after: 1) == [])
    #expect(handovers(20, after: 1, late: 0.6) == [])
  }
}
