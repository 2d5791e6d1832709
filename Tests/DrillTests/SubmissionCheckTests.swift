import Testing

@testable import BatonDrill

/// Whether what was submitted is what there is.
@Suite struct SubmissionCheckTests: FaultHistories {
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
}
