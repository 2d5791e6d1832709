import Testing

@testable import BatonDrill

/// Whether refusals are such as a client can live with.
@Suite struct RefusalCheckTests: FaultHistories {
  private func refused(_ status: Int, _ act: ClientAct = .submission, saysWhen: Bool = true) -> HistoryMaker {
    var history = history()
    history.at(12.5, .refused(act, status: status, from: "coordinator-2", saysWhen: saysWhen, sentAt: 12))
    return history
  }

  @Test func aRefusalThatSaysWhenToAskAgainIsGood() {
    #expect(verdict(refused(503)).violations == [])
    #expect(verdict(refused(503)).refusals == [0.5])
    #expect(verdict(refused(408)).violations == [])
    #expect(verdict(history()).refusals == [])
  }

  @Test func aRefusalThatDoesNotIsFound() {
    #expect(
      verdict(refused(503, saysWhen: false)).violations == [
        "coordinator-2 answered a submission with 503, 12.5 s into the drill, and did not say when to ask again"
      ])
  }

  @Test(arguments: [500, 502, 504]) func anyOtherFailureIsFound(status: Int) {
    #expect(
      verdict(refused(status, .reading)).violations == [
        "coordinator-2 answered a reading with \(status), 12.5 s into the drill"
      ])
  }
}
