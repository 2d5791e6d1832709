import Testing

@testable import BatonCoordinator

@Suite struct OutageGraceTests {
  private let start = ContinuousClock.now
  private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

  /// A grace of two seconds whose passes at these times were all answered.
  private func grace(_ passes: Double...) -> OutageGrace {
    var grace = OutageGrace(length: .seconds(2))
    for pass in passes {
      _ = grace.spared(at: at(pass))
      grace.succeeded(at: at(pass))
    }
    return grace
  }

  @Test func whateverExpiredBeforeTheStartIsLeftAloneForTwoSeconds() {
    var grace = grace(0)
    #expect(grace.spared(at: at(0.5)) == .init(began: nil, ended: 0.5))
    grace.succeeded(at: at(0.5))
    #expect(grace.spared(at: at(1.75)) == .init(began: nil, ended: 1.75))
    #expect(grace.spared(at: at(2)) == nil)
  }

  @Test func theGraceBeginsWithTheFirstPassThatIsAnswered() {
    var grace = OutageGrace(length: .seconds(2))
    // None of these is.
    for second in 0..<60 { #expect(grace.spared(at: at(Double(second))) == .init(began: nil, ended: 0)) }
    grace.succeeded(at: at(59))
    #expect(grace.spared(at: at(60.5)) == .init(began: nil, ended: 1.5))
    #expect(grace.spared(at: at(61)) == nil)
  }

  @Test func afterAnOutageOnlyWhatExpiredDuringItIsLeftAlone() {
    var grace = grace(0, 1, 2, 3)
    #expect(grace.spared(at: at(33)) == .init(began: 30, ended: 0))
    grace.succeeded(at: at(33))
    #expect(grace.spared(at: at(34)) == .init(began: 31, ended: 1))
    grace.succeeded(at: at(34))
    #expect(grace.spared(at: at(35)) == nil)
  }

  @Test func anotherOutageDoesNotEndTheGraceAfterTheFirst() {
    var grace = grace(0, 1, 2, 3)
    // Away until 33, there for a moment, and away again until 40.
    for pass in [33, 33.25] {
      _ = grace.spared(at: at(pass))
      grace.succeeded(at: at(pass))
    }
    #expect(grace.spared(at: at(39)) == .init(began: 36, ended: 0))
    #expect(grace.spared(at: at(40)) == .init(began: 37, ended: 0))
    // A quarter of a second, and a second for the second outage, are gone of the first one's grace.
    #expect(grace.succeeded(at: at(40)) == .seconds(0.75))
    #expect(grace.spared(at: at(40.5)) == .init(began: 37.5, ended: 0.5))
    #expect(grace.succeeded(at: at(40.5)) == .seconds(0.25))
    #expect(grace.spared(at: at(40.75)) == .init(began: 7.5, ended: 0.75))
    #expect(grace.succeeded(at: at(40.75)) == .seconds(1.25))
    #expect(grace.spared(at: at(42)) == nil)
  }

  @Test func aPassThatTheDatabaseTakesLongForIsNoOutage() {
    var grace = grace(0, 2)
    for round in 0..<5 {
      let start = 4 + Double(round) * 5
      #expect(grace.spared(at: at(start)) == nil)
      grace.succeeded(at: at(start), lasting: .seconds(3.5))
    }
    // What it took counts for those who had to renew, too.
    #expect(grace.spared(at: at(40)) == .init(began: 12.5, ended: 0))
    grace.succeeded(at: at(40), lasting: .seconds(3))
    #expect(grace.spared(at: at(44.5)) == nil)
  }

  @Test func aPassThatFailsOnceIsNoOutage() {
    var grace = grace(0, 2, 4)
    #expect(grace.spared(at: at(5)) == nil)
    // Not answered; the next one is.
    #expect(grace.spared(at: at(6)) == nil)
    #expect(grace.spared(at: at(6.25)) == .init(began: 2.25, ended: 0))
  }

  @Test func outagesThatComeAgainAndAgainDelayNoLeaseTwice() {
    var grace = grace(0, 2)
    var waits = 0
    // Away for three seconds, back for one. A lease expires in the first outage.
    let expiry = at(4)
    for round in 0..<5 {
      for pass in [5.0, 6.0] {
        let now = at(pass + Double(round) * 4)
        let spared = grace.spared(at: now)
        grace.succeeded(at: now)
        let age = (now - expiry) / .seconds(1)
        let isLeftAlone = spared.map { age >= $0.ended && age <= $0.began ?? .infinity } ?? false
        if isLeftAlone { waits += 1 }
        if round > 0 { #expect(!isLeftAlone, "round \(round)") }
      }
    }
    #expect(waits == 2)
  }
}
