import Testing

@testable import BatonDrill

/// Good histories of a fault are found good, and each bad one bad for its own reason.
@Suite struct FaultCheckTests: FaultHistories {
  @Test func aBacklogThatIsNotWorkedOffIsFound() {
    let entries = history().entries.filter { entry in
      if case .phase(_, .settled) = entry.event { false } else { true }
    }
    #expect(
      FaultCheck(history: entries, faults: [fault]).verdict().violations
        == ["coordinator-sigkill: what had gathered was not worked off afterwards"])
  }

  @Test func aFaultThatNobodyNoticedIsGood() throws {
    let verdict = verdict(history())
    #expect(verdict.violations == [])
    #expect(verdict.rows.map(\.fault) == [fault.name])
    // The first two seconds at the former rate; by then all have done something that they began after the fault.
    #expect(abs(try #require(verdict.rows[0].recovery) - 2) < 0.11)
    #expect(abs(verdict.rows[0].before - 10) < 0.3)
    #expect(abs(try #require(verdict.rows[0].after) - 10) < 0.3)
    #expect(verdict.remarks == [])
    #expect(verdict.jobs == .init(accepted: 400, done: 400))
  }

  @Test func theRecoveryIsCountedFromTheEndOfTheFault() throws {
    let verdict = verdict(history(silence: 11...19))
    #expect(verdict.violations == [])
    let recovery = try #require(verdict.rows[0].recovery)
    // The window of two seconds holds enough as soon as it reaches the backlog.
    #expect((3.9...6.2).contains(recovery), "\(recovery)")
  }

  @Test func aSlowRecoveryIsFound() {
    expect(history(silence: 11...29), violates: "not within 10.0 s")
  }

  @Test func aRateThatStaysLowIsFound() {
    expect(history(after: 2), violates: "the former rate was reached no more")
  }

  @Test func aShortDrillForgivesSlownessButNothingElse() {
    func verdict(_ history: HistoryMaker) -> FaultVerdict {
      FaultCheck(history: history.entries, faults: [fault], forgivesSlowness: true).verdict()
    }
    let slow = verdict(history(silence: 11...29))
    #expect(slow.violations == [])
    // The rate, and each of the two workers.
    #expect(slow.remarks.count == 3)
    #expect(verdict(history(after: 3)).violations.contains { $0.contains("the former rate was reached no more") })
    #expect(verdict(history(after: 3)).violations.contains { $0.contains("were done afterwards") })
    var lost = history(silence: 11...29)
    lost.at(200, .ending(ending(7, "queued", ["lost"])))
    #expect(verdict(lost).violations.contains { $0.contains("job 7 is lost") })
  }

  @Test func onlyALateMachineExcusesASlowRecovery() {
    var slow = history(silence: 11...29)
    slow.at(20, .late(seconds: 2))
    #expect(verdict(slow).violations == [])
    #expect(verdict(slow).remarks.count == 3)
    var earlier = history(silence: 11...29)
    earlier.at(8, .late(seconds: 2))
    expect(earlier, violates: "not within 10.0 s")
  }

  @Test func anAcceptedJobThatIsGoneIsFound() {
    var history = history()
    history.at(200, .ending(ending(7, "unknown", [])))
    #expect(verdict(history).jobs.lost == 1)
    expect(history, violates: "job 7 is lost")
  }

  @Test func aJobThatIsStillQueuedIsLost() {
    var history = history()
    history.at(200, .ending(ending(7, "queued", ["lost"])))
    expect(history, violates: "job 7 is lost: it is 'queued'")
  }

  @Test func aFailedJobIsFound() {
    var history = history()
    history.at(200, .ending(ending(7, "failed", ["failed"])))
    #expect(verdict(history).jobs.failed == 1)
  }

  @Test func aJobThatIsDoneByNoAttemptIsFound() {
    var history = history(worker: { _ in "a" })
    history.at(
      200,
      .ending(JobEnding(job: 900, id: "id-900", status: "done", error: nil, attempts: [])),
      .accepted(job(900), id: "id-900"))
    expect(history, violates: "job 900 is done, but none of its attempts is")
  }

  @Test func twoWorkersThatWereBothToldDoneAreFound() {
    var history = history()
    history.at(13, .told(worker: "worker-2-1", job: "id-7", attempt: 2, "done"))
    #expect(verdict(history).jobs.doubleSettled == 1)
    expect(history, violates: "job 7 was settled as done")
  }

  @Test func theSameWordToldAgainIsOneSettlement() {
    var history = history()
    history.at(13, .told(worker: "a", job: "id-7", attempt: 1, "done"))
    #expect(verdict(history).violations == [])
  }

  @Test func anOutcomeThatWasAcceptedAndIsNotOnRecordIsFound() {
    var history = history()
    history.at(200, .ending(ending(7, "done", ["lost", "done"])))
    expect(history, violates: "job 7 was settled as done in the attempts [2] by the record, and in [1]")
  }

  @Test func attemptsMayFailOnlyWhereTheFaultSaysSo() {
    var history = history()
    history.at(200, .ending(ending(7, "done", ["failed", "done"])))
    history.at(13, .told(worker: "a", job: "id-7", attempt: 2, "done"))
    expect(history, violates: "attempt 1 of job 7 is 'failed'")
  }

  @Test func aFaultThatDidNotHappenIsFound() {
    var history = HistoryMaker()
    history.at(5, .phase(fault: fault.name, .before))
    history.at(10, .phase(fault: fault.name, .begun))
    history.at(15, .phase(fault: fault.name, .skipped(reason: "it did not happen")))
    expect(history, violates: "left out: it did not happen")
  }

  @Test func aFaultThatWasNeverBegunIsFound() {
    expect(HistoryMaker(), violates: "was never begun")
  }

  @Test func twoProgramsOfOneJobAtTheSameTimeAreFound() {
    var history = history()
    let job = job(400, kind: .exec)
    history.at(12, .accepted(job, id: "id-400"))
    history.at(200, .counted(jobs: 401))
    var first = ProgramRun(job: 400, attempt: 1, worker: "a", first: 1, startedAt: 12)
    first.steps = [.init(number: 1, at: 12.1), .init(number: 2, at: 14)]
    var second = ProgramRun(job: 400, attempt: 2, worker: "b", first: 1, startedAt: 13)
    second.steps = (1...4).map { .init(number: $0, at: 13 + Double($0) / 10) }
    history.run(first)
    history.run(second)
    history.at(200, .ending(ending(400, "done", ["lost", "done"])))
    expect(history, violates: "worked at the same time, for 1.0 s")
  }

  @Test func aDrillInWhichNothingCouldBeHadHasShownNothing() {
    var history = HistoryMaker()
    history.at(5, .phase(fault: "disk-full", .before))
    history.at(10, .phase(fault: "disk-full", .begun))
    history.at(10, .phase(fault: "disk-full", .skipped(reason: "no such disk")))
    let verdict = FaultCheck(history: history.entries, faults: [DiskFull()]).verdict()
    #expect(verdict.violations == ["nothing was tested: no fault could be had"])
    #expect(verdict.remarks.contains("disk-full is left out: no such disk"))
    // Beside another it may be left out.
    let both = FaultCheck(history: self.history().entries + history.entries, faults: [fault, DiskFull()]).verdict()
    #expect(both.violations == [])
  }

  @Test func anAcceptedJobOfWhichNothingIsKnownIsFound() {
    let entries = history().entries.filter { entry in
      if case .ending(let ending) = entry.event { ending.job != 7 } else { true }
    }
    let verdict = FaultCheck(history: entries, faults: [fault]).verdict()
    #expect(verdict.violations == ["job 7 is lost: nothing is known of it in the end"])
    #expect(verdict.jobs.lost == 1)
  }

  @Test func aProgramThatLeftAStepOutIsFound() {
    var history = history()
    history.at(12, .accepted(job(400, kind: .exec), id: "id-400"))
    history.at(200, .counted(jobs: 401), .ending(ending(400, "done", ["done"])))
    var run = ProgramRun(job: 400, attempt: 1, worker: "a", first: 1, startedAt: 12)
    run.steps = [1, 2, 4].map { .init(number: $0, at: 12 + Double($0) / 10) }
    history.run(run)
    #expect(verdict(history).violations == ["job 400 is done, but its step 3 was never executed"])
  }

  @Test func anAttemptWithoutAnEndIsFound() {
    var history = history()
    history.at(200, .ending(ending(7, "done", ["done", nil])))
    #expect(verdict(history).violations == ["attempt 2 of job 7 is 'open' in the end"])
  }

  @Test func aFaultThatDoesNotComeToItsEndIsFound() {
    let entries = history().entries.filter { entry in
      if case .phase(_, .over) = entry.event { false } else { true }
    }
    #expect(
      FaultCheck(history: entries, faults: [fault]).verdict().violations
        == ["coordinator-sigkill did not come to its end"])
  }

  @Test func nothingDoneBeforeAFaultIsFound() {
    #expect(verdict(history(silence: 0...10)).violations == ["nothing was done before coordinator-sigkill"])
  }
}
