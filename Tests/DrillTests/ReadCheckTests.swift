import Testing

@testable import BatonDrill

/// What clients read of a job never goes back, whichever coordinator they ask.
@Suite struct ReadCheckTests: FaultHistories {
  private func reading(
    _ reads: (status: String, attempt: Int, from: String, sentAt: Double, at: Double)...
  ) -> HistoryMaker {
    var history = self.history()
    for read in reads {
      history.at(
        read.at,
        .read(job: 151, status: read.status, attempt: read.attempt, from: read.from, sentAt: read.sentAt))
    }
    return history
  }

  @Test func whatGoesOnIsGood() {
    let verdict = verdict(
      reading(
        ("queued", 0, "coordinator-1", 15.1, 15.2), ("processing", 1, "coordinator-2", 15.3, 15.4),
        ("done", 1, "coordinator-1", 15.7, 15.8)))
    #expect(verdict.violations == [])
    #expect(verdict.reads == 83)
  }

  @Test func answersThatOverlapMayComeInAnyOrder() {
    let history = reading(
      ("done", 1, "coordinator-1", 15.6, 15.7), ("processing", 1, "coordinator-2", 15.5, 15.8))
    #expect(verdict(history).violations == [])
  }

  @Test func aJobThatIsDoneAndThenNotIsFound() {
    expect(
      reading(("done", 1, "coordinator-1", 15.6, 15.7), ("processing", 1, "coordinator-2", 15.8, 15.9)),
      violates:
        "job 151 was read as processing at attempt 1 at coordinator-2, after it had been read as done at attempt 1 "
        + "at coordinator-1")
  }

  @Test func anAttemptThatIsForgottenIsFound() {
    expect(
      reading(("processing", 1, "coordinator-1", 15.2, 15.3), ("queued", 0, "coordinator-2", 15.4, 15.5)),
      violates: "job 151 was read as queued at attempt 0 at coordinator-2, after")
  }

  @Test func anAttemptThatNeverWasIsFound() {
    expect(
      reading(("processing", 2, "coordinator-1", 15.2, 15.3)),
      violates: "job 151 was read as being at attempt 2, which is not on record")
  }

  @Test func anEndThatIsNotTheLastWordIsFound() {
    expect(
      reading(("failed", 1, "coordinator-1", 15.6, 15.7)),
      violates: "job 151 was read as failed, and is done in the end")
  }

  @Test func anAcceptedJobThatACoordinatorDoesNotKnowIsFound() {
    expect(
      reading(("unknown", 0, "coordinator-2", 15.6, 15.7)),
      violates: "job 151 was read as unknown at coordinator-2, 15.7 s into the drill")
  }
}
