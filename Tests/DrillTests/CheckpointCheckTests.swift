import Testing

@testable import BatonDrill

/// Work that was checkpointed is not done again, under any fault: the judgement that the drills share.
@Suite struct CheckpointCheckTests {
  private let fault = Failover()

  /// A job of two attempts in a fault drill: the first saves steps 2 and 4, which is acknowledged, and its worker is lost in step 5; the
  /// second goes on.
  ///
  /// - Parameters:
  ///   - given: The checkpoint that the second attempt was given; nil if its worker does not tell.
  ///   - first: The step that it began with.
  private func violations(
    kind: DrillJob.Kind = .exec, given: Int?, first: Int, acknowledged: [Int] = [1, 2]
  ) -> [String] {
    let job = DrillJob(index: 0, kind: kind, steps: 8, stepSeconds: 0.1, checkpointEvery: 2, behaviour: .auto)
    var history = HistoryMaker()
    history.accept(job)
    for sequence in acknowledged {
      history.at(10.5, .saved(worker: "worker-1-1", job: "id-0", attempt: 1, sequence: sequence))
    }
    if let given {
      history.at(20, .restored(worker: "worker-2-1", job: "id-0", attempt: 2, sequence: given))
      history.at(21, .saved(worker: "worker-2-1", job: "id-0", attempt: 2, sequence: given + 1))
      // What it reads later is its own.
      history.at(22, .restored(worker: "worker-2-1", job: "id-0", attempt: 2, sequence: given + 1))
    }
    var one = ProgramRun(job: 0, attempt: 1, worker: "worker-1-1", first: 1, startedAt: 10)
    var other = ProgramRun(job: 0, attempt: 2, worker: "worker-2-1", first: first, startedAt: 20)
    one.checkpoints = [.init(number: 2, at: 10.2), .init(number: 4, at: 10.4)]
    if kind == .exec {
      one.steps = (1...5).map { .init(number: $0, at: 10 + Double($0) / 10) }
      other.steps = (max(1, first)...8).map { .init(number: $0, at: 20 + Double($0) / 10) }
    } else {
      (one.isExact, other.isExact) = (false, false)
      one.checkpoints = acknowledged.map { .init(number: $0 * 2, at: nil) }
    }
    history.run(one)
    history.run(other)
    history.end(job, "done", ("worker-1-1", "lost", 10, 18), ("worker-2-1", "done", 20, 21))
    history.at(5, .phase(fault: fault.name, .before))
    return FaultCheck(history: history.entries, faults: [fault]).verdict().violations
      .filter { $0.contains("attempt") || $0.contains("step") }
  }

  @Test func goingOnFromTheLastAcknowledgedCheckpointIsGood() {
    #expect(violations(given: 2, first: 5) == [])
    #expect(violations(kind: .steps, given: 2, first: 5) == [])
    // A newer one, whose acknowledgement was lost, is as good.
    #expect(violations(given: 2, first: 5, acknowledged: [1]) == [])
    // What was never acknowledged may be gone.
    #expect(violations(given: 0, first: 1, acknowledged: []) == [])
    #expect(violations(given: 1, first: 3, acknowledged: [1]) == [])
  }

  @Test func anAcknowledgedCheckpointThatIsGoneIsFound() {
    #expect(
      violations(given: 0, first: 1)
        == ["attempt 2 of job 0 was given no checkpoint, though checkpoint 2 had been acknowledged"])
    #expect(violations(kind: .steps, given: 0, first: 1).count == 2, "by what it was given, and by where it began")
  }

  @Test func anOlderCheckpointIsFound() {
    #expect(
      violations(given: 1, first: 3)
        == ["attempt 2 of job 0 was given checkpoint 1, though checkpoint 2 had been acknowledged"])
  }

  @Test func aBuiltinJobThatBeginsBehindWhatItLoggedAsSavedIsFound() {
    #expect(
      violations(kind: .steps, given: nil, first: 3)
        == ["attempt 2 of job 0 began with step 3, though step 4 had been saved"])
  }

  @Test func halfACheckpointIsFound() {
    // A checkpoint there was, and the program found nothing in it that it could read.
    #expect(
      violations(given: 2, first: 1) == [
        "attempt 2 of job 0 was given checkpoint 2, and found step 0 in it, which nobody had saved"
      ])
    #expect(violations(given: 2, first: 4).count == 1, "nobody had saved step 3")
    #expect(violations(given: 0, first: 3, acknowledged: []).count == 1, "there was no checkpoint")
  }

  @Test func aCheckpointOfWorkThatNobodyDidIsFound() {
    #expect(
      violations(given: 2, first: 8).contains("attempt 2 of job 0 began with step 8, though only 5 were executed"))
  }

  @Test func theInterruptionsDrillJudgesTheSame() {
    func verdict(given sequence: Int) -> InterruptionVerdict {
      var history = HistoryMaker()
      history.killedWorker("a", at: 15)
      history.worker("b")
      history.accept(.hundredSteps())
      // Acknowledged at once, and long before the kill.
      history.at(5.2, .saved(worker: "a", job: "id-0", attempt: 1, sequence: 1))
      history.at(10.2, .saved(worker: "a", job: "id-0", attempt: 1, sequence: 2))
      history.at(25, .restored(worker: "b", job: "id-0", attempt: 2, sequence: sequence))
      history.run(.steady(1, on: "a", from: 0, steps: 1...29))
      history.run(.steady(2, on: "b", from: 25, steps: 21...100))
      history.end(.hundredSteps(), "done", ("a", "lost", 0, 24), ("b", "done", 25, 65))
      return history.verdict
    }
    #expect(verdict(given: 2).violations == [])
    #expect(
      verdict(given: 1).violations
        == ["attempt 2 of job 0 was given checkpoint 1, though checkpoint 2 had been acknowledged"])
  }

  @Test func aWorkersLogTellsOfCheckpoints() throws {
    let rest = #""attempt":"2","job":"id-7","kind":"exec","sequence":"3"}"#
    for (message, event) in [
      ("the job was given its checkpoint", HistoryEvent.restored(worker: "w", job: "id-7", attempt: 2, sequence: 3)),
      ("a checkpoint is saved", HistoryEvent.saved(worker: "w", job: "id-7", attempt: 2, sequence: 3)),
    ] {
      let line = try #require(LogLine(#"{"level":"debug","message":"\#(message)",\#(rest)"#))
      #expect("\(try #require(WorkerWords.event(line, worker: "w", origin: 0)))" == "\(event)")
    }
  }
}
