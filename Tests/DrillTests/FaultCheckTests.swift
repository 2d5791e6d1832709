import Testing

@testable import BatonDrill

/// Good histories of a fault are found good, and each bad one bad for its own reason.
@Suite struct FaultCheckTests {
  private let fault = CoordinatorKilled()

  /// Ten jobs a second from 0 to 40, each done 0.5 s after it was accepted; the fault is from 10 to 15.
  ///
  /// - Parameters:
  ///   - silence: When nothing is done; what was due then is done after it, in good time.
  private func history(silence: ClosedRange<Double>? = nil, after share: Int = 1) -> HistoryMaker {
    var history = HistoryMaker()
    history.at(5, .phase(fault: fault.name, .before))
    history.at(10, .phase(fault: fault.name, .begun))
    history.at(15, .phase(fault: fault.name, .passed(evidence: "signal 9")))
    history.at(40, .phase(fault: fault.name, .over))
    for index in 0..<400 {
      let start = Double(index) / 10
      var end = start + 0.5
      if let silence, silence.contains(end) { end = silence.upperBound + 0.1 }
      // Only every so many are as fast as before.
      if start > 15, !index.isMultiple(of: share) { end = 100 }
      let job = job(index)
      history.at(start, .accepted(job, id: "id-\(index)"))
      history.at(end, .told(worker: "a", job: "id-\(index)", attempt: 1, "done"))
      history.at(200, .ending(ending(index, "done", ["done"])))
    }
    return history
  }

  private func job(_ index: Int, kind: DrillJob.Kind = .steps) -> DrillJob {
    DrillJob(index: index, kind: kind, steps: 4, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto)
  }

  private func ending(_ index: Int, _ status: String, _ outcomes: [String?]) -> JobEnding {
    let attempts = outcomes.enumerated().map { position, outcome in
      JobEnding.Attempt(
        number: position + 1, worker: "a", outcome: outcome, reason: nil, startedAt: 1, endedAt: 12)
    }
    return JobEnding(job: index, id: "id-\(index)", status: status, error: nil, attempts: attempts)
  }

  private func verdict(_ history: HistoryMaker, _ fault: (any Fault)? = nil) -> FaultVerdict {
    FaultCheck(history: history.entries, faults: [fault ?? self.fault]).verdict()
  }

  private func expect(
    _ history: HistoryMaker, violates words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let violations = verdict(history).violations
    #expect(violations.contains { $0.contains(words) }, "\(violations)", sourceLocation: sourceLocation)
  }

  @Test func aFaultThatNobodyNoticedIsGood() {
    let verdict = verdict(history())
    #expect(verdict.violations == [])
    #expect(verdict.rows.map(\.fault) == [fault.name])
    #expect(verdict.rows[0].recovery == 0)
    #expect(abs(verdict.rows[0].before - 10) < 0.3)
    #expect(verdict.jobs == .init(accepted: 400, done: 400))
  }

  @Test func theRecoveryIsCountedFromTheEndOfTheFault() throws {
    let verdict = verdict(history(silence: 11...19))
    #expect(verdict.violations == [])
    let recovery = try #require(verdict.rows[0].recovery)
    // The window of two seconds holds enough as soon as it reaches the backlog.
    #expect((1.9...4.2).contains(recovery), "\(recovery)")
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
    #expect(slow.remarks.count == 1)
    #expect(verdict(history(after: 2)).violations.count == 1)
    var lost = history(silence: 11...29)
    lost.at(200, .ending(ending(7, "queued", ["lost"])))
    #expect(verdict(lost).violations.contains { $0.contains("job 7 is lost") })
  }

  @Test func onlyALateMachineExcusesASlowRecovery() {
    var slow = history(silence: 11...29)
    slow.at(20, .late(seconds: 2))
    #expect(verdict(slow).violations == [])
    #expect(verdict(slow).remarks.count == 1)
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

  @Test func twoWorkersThatWereBothToldDoneAreFound() {
    var history = history()
    history.at(13, .told(worker: "b", job: "id-7", attempt: 2, "done"))
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
    var first = ProgramRun(job: 400, attempt: 1, worker: "a", first: 1, startedAt: 12)
    first.steps = [.init(number: 1, at: 12.1), .init(number: 2, at: 14)]
    var second = ProgramRun(job: 400, attempt: 2, worker: "b", first: 1, startedAt: 13)
    second.steps = (1...4).map { .init(number: $0, at: 13 + Double($0) / 10) }
    history.run(first)
    history.run(second)
    history.at(200, .ending(ending(400, "done", ["lost", "done"])))
    expect(history, violates: "worked at the same time, for 1.0 s")
  }
}
