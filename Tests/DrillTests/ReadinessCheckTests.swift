import Testing

@testable import BatonDrill

/// Whether `/ready` told the truth.
@Suite struct ReadinessCheckTests: FaultHistories {
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
}
