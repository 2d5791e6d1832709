import Testing

@testable import BatonDrill

/// Good histories of a fault are found good, and each bad one bad for its own reason.
@Suite struct FaultCheckTests {
  private let fault = CoordinatorKilled()

  /// Ten jobs a second from 0 to 40, each done 0.5 s after it was accepted; the fault is from 10 to 15, and the rate
  /// afterwards is measured from 30 to 40. Two coordinators and two workers take turns.
  ///
  /// - Parameters:
  ///   - silence: When nothing is done; what was due then is done after it, in good time.
  ///   - worker: Who does what comes then; in turns if nil.
  ///   - coordinator: Who answers what was sent then; in turns if nil.
  ///   - ready: What a coordinator says then when asked whether it is ready; `.some(nil)` for no answer, nil if nobody asks.
  private func history(
    silence: ClosedRange<Double>? = nil, after share: Int = 1, worker: (Double) -> String? = { _ in nil },
    coordinator: (Double) -> String? = { _ in nil },
    ready: (_ coordinator: String, _ sentAt: Double) -> Int?? = { _, _ in .some(200) }
  ) -> HistoryMaker {
    var history = HistoryMaker()
    history.at(0, .fleet(coordinators: ["coordinator-1", "coordinator-2"], workers: ["worker-1", "worker-2"]))
    history.at(5, .phase(fault: fault.name, .before))
    history.at(10, .phase(fault: fault.name, .begun))
    history.at(15, .phase(fault: fault.name, .passed(evidence: "signal 9")))
    history.at(30, .phase(fault: fault.name, .settled))
    history.at(40, .phase(fault: fault.name, .over))
    for index in 0..<400 {
      let start = Double(index) / 10
      var end = start + 0.5
      if let silence, silence.contains(end) { end = silence.upperBound + 0.1 }
      // Only every so many are as fast as before.
      if start > 15, !index.isMultiple(of: share) { end = 100 }
      let worker = worker(start) ?? "worker-\(index % 2 + 1)-1"
      let coordinator = coordinator(start) ?? "coordinator-\(index % 2 + 1)"
      history.at(start, .accepted(job(index), id: "id-\(index)"))
      history.at(start, .receipt(job: index, id: "id-\(index)", from: coordinator, sentAt: start - 0.01))
      history.at(end - 0.4, .began(worker: worker, job: "id-\(index)", attempt: 1))
      history.at(end, .told(worker: worker, job: "id-\(index)", attempt: 1, "done"))
      history.at(200, .ending(ending(index, "done", ["done"])))
    }
    history.at(200, .counted(jobs: 400))
    // Four times a second both coordinators are asked whether they are ready.
    for index in 0..<180 {
      let sentAt = Double(index) / 4
      for coordinator in ["coordinator-1", "coordinator-2"] {
        guard let status = ready(coordinator, sentAt) else { continue }
        history.at(sentAt + 0.01, .readiness(coordinator: coordinator, status: status, sentAt: sentAt))
      }
    }
    return history
  }

  @Test func aBacklogThatIsNotWorkedOffIsFound() {
    let entries = history().entries.filter { entry in
      if case .phase(_, .settled) = entry.event { false } else { true }
    }
    #expect(
      FaultCheck(history: entries, faults: [fault]).verdict().violations
        == ["coordinator-sigkill: what had gathered was not worked off afterwards"])
  }

  private func job(_ index: Int, kind: DrillJob.Kind = .steps, fate: DrillJob.Fate = .done) -> DrillJob {
    DrillJob(index: index, kind: kind, steps: 4, stepSeconds: 0.1, checkpointEvery: 10, behaviour: .auto, fate: fate)
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

  @Test func aFaultThatNobodyNoticedIsGood() throws {
    let verdict = verdict(history())
    #expect(verdict.violations == [])
    #expect(verdict.rows.map(\.fault) == [fault.name])
    // As soon as both have done something that they began after the fault.
    #expect(abs(try #require(verdict.rows[0].recovery) - 0.5) < 0.11)
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

  // MARK: Every part

  @Test func aWorkerThatNeverComesBackIsFoundThoughTheRateDoes() {
    let history = history { $0 >= 10 ? "worker-1-1" : nil }
    #expect(
      verdict(history).violations == [
        "coordinator-sigkill: worker-2 was not seen working again after the fault had passed"
      ])
    #expect(verdict(history).rows[0].recovery == nil)
  }

  @Test func whatAWorkerBeganBeforeProvesNothing() {
    var history = history { $0 >= 10 ? "worker-1-1" : nil }
    history.at(14.9, .began(worker: "worker-2-1", job: "id-140", attempt: 2))
    history.at(15.3, .told(worker: "worker-2-1", job: "id-140", attempt: 2, "done"))
    expect(history, violates: "worker-2 was not seen working again")
  }

  @Test func whatAWorkerOnlyBeganProvesNothing() {
    var history = history { $0 >= 10 ? "worker-1-1" : nil }
    history.at(20, .began(worker: "worker-2-1", job: "id-140", attempt: 2))
    history.at(21, .told(worker: "worker-2-1", job: "id-140", attempt: 2, "refused"))
    expect(history, violates: "worker-2 was not seen working again")
  }

  @Test func theProgramThatTookItsPlaceIsTheSamePart() {
    #expect(
      verdict(history { $0 >= 10 ? Int($0 * 10).isMultiple(of: 2) ? "worker-1-2" : "worker-2-7" : nil }).violations
        == [])
  }

  @Test func aWorkerOfAnotherPlaceIsNotThatPart() {
    expect(history { $0 >= 10 ? "worker-21-1" : nil }, violates: "worker-2 was not seen working again")
  }

  @Test func aWorkerThatComesBackOnlyAfterItIsOverIsFound() {
    var history = history { $0 >= 10 ? "worker-1-1" : nil }
    history.at(41, .began(worker: "worker-2-2", job: "id-399", attempt: 2))
    history.at(42, .told(worker: "worker-2-2", job: "id-399", attempt: 2, "done"))
    expect(history, violates: "worker-2 was not seen working again")
  }

  @Test func aCoordinatorThatAnswersNothingMoreIsFound() {
    let history = history(coordinator: { $0 >= 10 ? "coordinator-2" : nil })
    #expect(
      verdict(history).violations == [
        "coordinator-sigkill: coordinator-1 was not seen working again after the fault had passed"
      ])
  }

  @Test func anAnswerToWhatWasSentBeforeProvesNothing() {
    var history = history(coordinator: { $0 >= 10 ? "coordinator-2" : nil })
    history.at(15.1, .receipt(job: 149, id: "id-149", from: "coordinator-1", sentAt: 14.9))
    expect(history, violates: "coordinator-1 was not seen working again")
  }

  @Test func theRecoveryIsThatOfTheLastPart() throws {
    let verdict = verdict(history { (10..<20).contains($0) ? "worker-1-1" : nil })
    #expect(verdict.violations == [])
    #expect((5.0...5.8).contains(try #require(verdict.rows[0].recovery)))
  }

  @Test func aPartThatComesBackLateIsFoundAndForgivenInAShortDrill() {
    let history = history { (10..<27).contains($0) ? "worker-1-1" : nil }
    expect(history, violates: "worker-2 was seen working again 12.6 s after the fault had passed, not within 10.0 s")
    let short = FaultCheck(history: history.entries, faults: [fault], forgivesSlowness: true).verdict()
    #expect(short.violations == [])
    #expect(short.remarks.count == 1)
    let missing = FaultCheck(
      history: self.history { $0 >= 10 ? "worker-1-1" : nil }.entries, faults: [fault], forgivesSlowness: true)
    #expect(missing.verdict().violations.count == 1)
  }

  @Test func aHistoryThatDoesNotTellThePartsIsJudgedWithoutThem() {
    let entries = history { $0 >= 10 ? "worker-1-1" : nil }.entries.filter { $0.event.parts == nil }
    let verdict = FaultCheck(history: entries, faults: [fault]).verdict()
    #expect(verdict.violations == [])
    #expect(verdict.remarks.count == 1)
  }

  // MARK: Readiness

  /// The good history, in which the database is out of reach from 10 to 15.
  private func withoutDatabase(_ ready: (_ coordinator: String, _ sentAt: Double) -> Int??) -> HistoryMaker {
    var history = history(ready: ready)
    history.at(10, .database(isThere: false))
    history.at(15, .database(isThere: true))
    return history
  }

  @Test func aCoordinatorThatSaysWhatIsTrueIsGood() {
    let good = withoutDatabase { _, sentAt in .some((11..<15.5).contains(sentAt) ? 503 : 200) }
    #expect(verdict(good).violations == [])
    #expect(verdict(good).readinessAsked == 360)
    #expect(verdict(good).notReady == 36)
    // One that was killed does not answer; nobody says that the database was away.
    #expect(verdict(history(ready: { _, sentAt in .some((10..<18).contains(sentAt) ? nil : 200) })).violations == [])
  }

  @Test func aCoordinatorThatIsReadyWithoutADatabaseIsFound() {
    let lie = withoutDatabase { coordinator, sentAt in
      .some(coordinator == "coordinator-1" && (11..<15.5).contains(sentAt) ? 503 : 200)
    }
    #expect(
      verdict(lie).violations == [
        "coordinator-2 said 200 when asked whether it is ready, 3.0 s after the database was out of its reach "
          + "(coordinator-sigkill); 8 times in all"
      ])
    // A short drill forgives slowness, and no lie.
    #expect(FaultCheck(history: lie.entries, faults: [fault], forgivesSlowness: true).verdict().violations.count == 1)
  }

  @Test func aCoordinatorThatSaysNothingWithoutADatabaseIsFound() {
    let mute = withoutDatabase { _, sentAt in .some((11..<15.5).contains(sentAt) ? nil : 200) }
    expect(mute, violates: "coordinator-1 did not answer when asked whether it is ready")
  }

  @Test func aCoordinatorThatIsReadyAgainTooLateIsFound() {
    let late = history(ready: { coordinator, sentAt in
      .some(coordinator == "coordinator-1" && (12..<27).contains(sentAt) ? 503 : 200)
    })
    #expect(
      verdict(late).violations == [
        "coordinator-sigkill: coordinator-1 was ready again 12.0 s after the fault had passed, not within 10.0 s"
      ])
    expect(
      history(ready: { _, sentAt in .some(sentAt >= 12 ? 503 : 200) }),
      violates: "coordinator-2 did not say again that it is ready")
  }

  @Test func aCoordinatorThatIsNotReadyThoughNothingIsWrongIsFound() {
    let whim = history(ready: { coordinator, sentAt in
      .some(coordinator == "coordinator-2" && (7..<9).contains(sentAt) ? 503 : 200)
    })
    expect(
      whim,
      violates: "coordinator-2 said 503 when asked whether it is ready, 3.0 s before coordinator-sigkill, when nothing "
        + "was wrong")
    let moment = history(ready: { coordinator, sentAt in
      .some(coordinator == "coordinator-2" && sentAt == 7 ? 503 : 200)
    })
    #expect(verdict(moment).violations == [], "once is a moment of the machine's")
    var excused = whim
    excused.at(8, .late(seconds: 3))
    #expect(verdict(excused).violations == [])
  }

  @Test func aCoordinatorThatNobodyAskedIsAFinding() {
    #expect(
      verdict(history(ready: { coordinator, _ in coordinator == "coordinator-1" ? nil : .some(200) })).violations
        == ["nobody asked coordinator-1 whether it is ready"])
  }

  // MARK: Rates

  /// The good history with some jobs never done, and with another fault.
  private func history(_ name: String, missing: (_ index: Int, _ start: Double) -> Bool) -> [HistoryEntry] {
    history().entries.compactMap { entry in
      switch entry.event {
      case .told(_, let job, _, "done"):
        let index = Int(job.dropFirst(3)) ?? 0
        return missing(index, Double(index) / 10) ? nil : entry
      case .phase(_, let phase): return HistoryEntry(at: entry.at, event: .phase(fault: name, phase))
      default: return entry
      }
    }
  }

  @Test func aRateThatFallsAgainAfterTheRecoveryIsFound() {
    let entries = history(fault.name) { index, start in start >= 29.5 && index.isMultiple(of: 10) }
    let verdict = FaultCheck(history: entries, faults: [fault]).verdict()
    #expect(verdict.violations == ["coordinator-sigkill: 9.0 jobs/s were done afterwards, and 10.0 before"])
    let short = FaultCheck(history: entries, faults: [fault], forgivesSlowness: true).verdict()
    #expect(short.violations == [])
    #expect(short.remarks.count == 1)
  }

  @Test func aRateThatFallsByAFewInAHundredIsNoFinding() {
    let entries = history(fault.name) { index, start in start >= 29.5 && index.isMultiple(of: 33) }
    #expect(FaultCheck(history: entries, faults: [fault]).verdict().violations == [])
  }

  @Test func behindAPinnedTransactionTheRateMustHold() {
    let pinned = PinnedTransaction()
    let good = FaultCheck(history: history(pinned.name) { _, _ in false }, faults: [pinned]).verdict()
    #expect(good.violations == [])
    let slow = history(pinned.name) { index, start in (9.5..<14.5).contains(start) && index.isMultiple(of: 10) }
    let verdict = FaultCheck(history: slow, faults: [pinned]).verdict()
    #expect(verdict.violations == ["pinned-transaction: 9.0 jobs/s were done while it lasted, and 10.0 before"])
  }

  @Test func behindADelayTheFleetGoesOn() {
    let delay = NetworkFault(place: .database, kind: .delay)
    let slow = history(delay.name) { index, start in (9.5..<14.5).contains(start) && !index.isMultiple(of: 10) }
    #expect(FaultCheck(history: slow, faults: [delay]).verdict().violations == [])
    let stopped = history(delay.name) { _, start in (11.9..<14.5).contains(start) }
    let verdict = FaultCheck(history: stopped, faults: [delay]).verdict()
    #expect(verdict.violations == ["database-delay: nothing more was done in the second half of it"])
    let cut = NetworkFault(place: .database, kind: .cut)
    let silent = history(cut.name) { _, start in (9.5..<14.5).contains(start) }
    #expect(FaultCheck(history: silent, faults: [cut]).verdict().violations == [])
  }

  // MARK: Submissions

  @Test func aSubmissionWithoutAnAnswerIsFound() {
    var history = history()
    history.at(190, .givenUp(job: 400, reason: "coordinator-1: no answer"))
    #expect(verdict(history).violations == ["submission 400 had no answer to the end: coordinator-1: no answer"])
    // It may be a job all the same.
    history.at(200, .counted(jobs: 401))
    #expect(verdict(history).violations.count == 1)
  }

  @Test func theSameKeyMakesOneJob() {
    var history = history()
    history.at(13, .receipt(job: 7, id: "id-7", from: "coordinator-1", sentAt: 12))
    #expect(verdict(history).violations == [])
    #expect(verdict(history).repeated == 1)
    history.at(13, .receipt(job: 8, id: "id-8000", from: "coordinator-1", sentAt: 12))
    #expect(
      verdict(history).violations == [
        "submission 8 was made with one key, and is the jobs id-8, id-8000"
      ])
  }

  @Test func aJobThatNobodySubmittedIsFound() {
    var history = history()
    history.at(201, .counted(jobs: 401))
    #expect(verdict(history).violations == ["the database holds 401 jobs, and only 400 were submitted"])
  }

  @Test func jobsThatNobodyCountedAreAFinding() {
    let entries = history().entries.filter { if case .counted = $0.event { false } else { true } }
    #expect(
      FaultCheck(history: entries, faults: [fault]).verdict().violations == ["nobody counted the jobs in the end"])
  }

  // MARK: A fault that others happen in

  /// The good history, with a transaction that is open from 2 to 42 and opened anew at 12.
  private func spanned(isOpenAgain: Bool = true, missing: @escaping (Int, Double) -> Bool = { _, _ in false })
    -> FaultVerdict
  {
    let pinned = PinnedTransaction()
    var around = HistoryMaker()
    // Jobs that are accepted and done outside the time of the good history.
    for index in 400..<540 {
      // From -4 to 0, and from 40 to 50.
      let start = Double(index < 440 ? index - 440 : index - 40) / 10
      around.at(start, .accepted(job(index), id: "id-\(index)"))
      around.at(start, .receipt(job: index, id: "id-\(index)", from: "coordinator-\(index % 2 + 1)", sentAt: start))
      around.at(start + 0.1, .began(worker: "worker-\(index % 2 + 1)-1", job: "id-\(index)", attempt: 1))
      around.at(start + 0.5, .told(worker: "worker-\(index % 2 + 1)-1", job: "id-\(index)", attempt: 1, "done"))
      around.at(200, .ending(ending(index, "done", ["done"])))
    }
    around.at(201, .counted(jobs: 540))
    around.at(-2, .phase(fault: pinned.name, .before))
    around.at(2, .phase(fault: pinned.name, .begun), .transaction(isOpen: true))
    around.at(8, .transaction(isOpen: false))
    if isOpenAgain { around.at(9, .transaction(isOpen: true)) }
    around.at(41, .transaction(isOpen: false), .phase(fault: pinned.name, .passed(evidence: "it was open")))
    around.at(44, .phase(fault: pinned.name, .settled))
    around.at(49, .phase(fault: pinned.name, .over))
    let entries = history(fault.name, missing: missing) + around.entries
    return FaultCheck(history: entries, faults: [pinned, fault]).verdict()
  }

  @Test func aTransactionAroundAFaultIsGood() {
    let verdict = spanned()
    #expect(verdict.violations == [])
    #expect(verdict.rows.map(\.fault) == ["pinned-transaction", fault.name])
    #expect(verdict.rows[0].lasted == 39)
    // What is slow in the fault itself is that fault's business.
    #expect(spanned { _, start in (10..<14).contains(start) }.violations == [])
  }

  @Test func aTransactionThatWasNotOpenWhenAFaultBeganIsFound() {
    #expect(
      spanned(isOpenAgain: false).violations == [
        "pinned-transaction: the transaction was not open when coordinator-sigkill began"
      ])
  }

  @Test func aRateThatFallsBehindTheTransactionIsFound() {
    let verdict = spanned { index, start in start >= 4.5 && index.isMultiple(of: 10) }
    #expect(
      verdict.violations == [
        "pinned-transaction: before coordinator-sigkill only 9.0 jobs/s were done, and 10.0 at first"
      ])
    #expect(verdict.rows[0].during == 9)
  }
}
