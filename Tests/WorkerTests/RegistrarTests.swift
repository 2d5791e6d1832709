import BatonShared
import Testing

@testable import BatonWorker

@Suite struct RegistrarTests {
  private let start = ContinuousClock.now

  private func registered(answersSentAt seconds: [Double] = [0]) -> Registrar.State {
    var state = Registrar.State(registration: WorkerRegistration())
    state.receipt = RegistrationReceipt(leaseTTLSeconds: 30, heartbeatSeconds: 10)
    for second in seconds { state.noteAnswer(sentAt: start + .seconds(second)) }
    return state
  }

  @Test func untilTheFirstAnswerTheReasonIsTold() {
    var state = Registrar.State(registration: WorkerRegistration())
    #expect(state.absence(at: start) == "the coordinator has not answered yet")
    state.noteFailure(.unreachable("refused"))
    #expect(state.absence(at: start) == "the coordinator: no answer: refused")
  }

  @Test func anAnswerCountsForTheTimeOfALeaseFromItsRequest() {
    var state = registered()
    state.noteFailure(.unreachable("refused"))
    #expect(state.absence(at: start + .seconds(29)) == nil)
    let told = state.absence(at: start + .seconds(31.5))
    #expect(told == "no heartbeat has been answered well for 31.5 s: no answer: refused")
    state.noteAnswer(sentAt: start + .seconds(32))
    #expect(state.absence(at: start + .seconds(33)) == nil)
    // What stood still says nothing of a failure that was over.
    #expect(state.absence(at: start + .seconds(132)) == "no heartbeat has been answered well for 100.0 s")
  }

  @Test func anOlderAnswerTakesNothingBack() {
    let state = registered(answersSentAt: [20, 10])
    #expect(state.absence(at: start + .seconds(45)) == nil)
    #expect(state.absence(at: start + .seconds(51)) != nil)
  }
}
