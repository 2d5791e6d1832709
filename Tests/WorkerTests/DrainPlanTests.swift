import Testing

@testable import BatonWorker

@Suite struct DrainPlanTests {
  private let start = ContinuousClock.now

  private func notice(_ source: String, _ left: Double?) -> InterruptionNotice {
    InterruptionNotice(source: source, action: "terminate", secondsLeft: left)
  }

  private func deadline(_ plan: DrainPlan) -> Double? { plan.drain.map { ($0.deadline - start).inSeconds.rounded1 } }

  @Test func aNoticeWithoutATimeIsBoundedByTheGrace() {
    var plan = DrainPlan(grace: 110)
    #expect(plan.receive(notice("sigterm", nil), at: start) == .began)
    #expect(deadline(plan) == 110)
  }

  @Test func aNoticeWithATimeUsesAllOfItButAMargin() {
    var plan = DrainPlan(grace: 10)
    #expect(plan.receive(notice("ec2_spot", 120), at: start) == .began)
    #expect(deadline(plan) == 118, "the grace is for those that name no time")
    var short = DrainPlan(grace: 110)
    _ = short.receive(notice("ec2_spot", 3), at: start)
    #expect(deadline(short) == 2.7)
    var none = DrainPlan(grace: 110)
    _ = none.receive(notice("ec2_spot", 0), at: start)
    #expect(deadline(none) == 1, "hoped for all the same")
    var past = DrainPlan(grace: 110)
    _ = past.receive(notice("ec2_spot", -60), at: start)
    #expect(deadline(past) == 1)
  }

  @Test func answersAreWaitedForAThirdOfTheWindow() {
    for (grace, seconds) in [(110.0, 10.0), (30, 10), (15, 5), (6, 2), (3, 1.1), (1, 1), (0, 0)] {
      var plan = DrainPlan(grace: grace)
      _ = plan.receive(notice("sigterm", nil), at: start)
      let end = plan.drain?.answersUntil(heard: start + .milliseconds(100))
      #expect(end.map { ($0 - start).inSeconds.rounded1 } == seconds, "of \(grace)")
    }
    var plan = DrainPlan(grace: 110)
    _ = plan.receive(notice("sigterm", nil), at: start)
    _ = plan.receive(notice("ec2_spot", 12), at: start + .seconds(1))
    #expect(plan.drain.map { ($0.answersUntil(heard: start) - start).inSeconds.rounded1 } == 3.9, "a shorter window")
    #expect(
      plan.drain.map { ($0.answersUntil(heard: start + .seconds(5)) - start).inSeconds.rounded1 } == 6,
      "this process stood still")
  }

  @Test func aSecondNearerNoticeShortens() {
    var plan = DrainPlan(grace: 110)
    _ = plan.receive(notice("sigterm", nil), at: start)
    #expect(plan.receive(notice("ec2_spot", 60), at: start + .seconds(5)) == .shortened)
    #expect(deadline(plan) == 63)
    #expect(plan.drain?.notice.source == "ec2_spot")
  }

  @Test func theSameSeenAgainChangesNothing() {
    var plan = DrainPlan(grace: 110)
    _ = plan.receive(notice("ec2_spot", 120), at: start)
    // A double that is always two minutes away, polled every five seconds.
    for tick in 1...20 {
      #expect(plan.receive(notice("ec2_spot", 120), at: start + .seconds(tick * 5)) == .unchanged)
    }
    #expect(deadline(plan) == 118)
  }

  @Test func whateverTheOrderTheDeadlineNeverMovesAway() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      var plan = DrainPlan(grace: Double.random(in: 0...200, using: &generator))
      var now = start
      var last: ContinuousClock.Instant?
      for _ in 0..<20 {
        now += .seconds(Double.random(in: 0...30, using: &generator))
        let left = Bool.random(using: &generator) ? Double.random(in: -10...300, using: &generator) : nil
        let change = plan.receive(notice("any", left), at: now)
        let deadline = plan.drain!.deadline
        #expect(plan.isDraining)
        switch change {
        case .began: #expect(last == nil)
        case .shortened: #expect(deadline < last!)
        case .unchanged: #expect(deadline == last!)
        }
        last = deadline
      }
    }
  }
}

extension Double {
  fileprivate var rounded1: Double { (self * 10).rounded() / 10 }
}
