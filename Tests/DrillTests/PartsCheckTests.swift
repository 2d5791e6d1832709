import Testing

@testable import BatonDrill

/// Whether each worker and each coordinator has worked again after a fault, not the rate alone.
@Suite struct PartsCheckTests: FaultHistories {
  @Test func aWorkerThatNeverComesBackIsFoundThoughTheRateDoes() {
    let history = history { $0 >= 10 ? "worker-1-1" : nil }
    #expect(
      verdict(history).violations == [
        "coordinator-sigkill: worker-2 was not seen working again after the fault had passed"
      ])
    #expect(verdict(history).rows[0].recovery == nil)
  }

  /// Begun before the fault had passed; begun since, and refused; done only after it was over.
  @Test(arguments: [(14.9, 15.3, "done"), (20, 21, "refused"), (41, 42, "done")])
  func whatAWorkerDoesAtAnotherTimeOrInVainProvesNothing(began: Double, told: Double, outcome: String) {
    var history = history { $0 >= 10 ? "worker-1-1" : nil }
    history.at(began, .began(worker: "worker-2-1", job: "id-140", attempt: 2))
    history.at(told, .told(worker: "worker-2-1", job: "id-140", attempt: 2, outcome))
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
}
