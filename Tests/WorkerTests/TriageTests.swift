import BatonShared
import Testing

@testable import BatonWorker

@Suite struct TriageTests {
  private let now = ContinuousClock.now

  private func decide(
    _ behaviour: InterruptionBehaviour, left: Double, window: Double? = nil, toGo: Double? = nil,
    checkpoint: Double? = nil, reserve: Double = 5
  ) -> Triage {
    Triage.decide(
      Triage.Facts(behaviour: behaviour, secondsToGo: toGo, checkpointSeconds: checkpoint),
      deadline: now + .seconds(left), window: window ?? left, reserve: reserve, at: now)
  }

  private func runOn(_ seconds: Double) -> Triage.Decision { .runOn(until: now + .seconds(seconds)) }

  @Test func aJobThatWillFinishRunsOn() {
    let triage = decide(.auto, left: 118, toGo: 100)
    #expect(triage.decision == runOn(113))
    #expect(triage.reason.contains("will finish"))
  }

  @Test func aJobThatWillNotFinishRunsUntilTheReserve() {
    let triage = decide(.auto, left: 118, toGo: 130)
    #expect(triage.decision == runOn(113), "as late as is safe, not at once")
    #expect(triage.reason.contains("will not finish"))
    #expect(decide(.auto, left: 5, window: 118, toGo: 17).decision == .checkpoint)
    #expect(decide(.auto, left: 5.25, window: 118, toGo: 17).decision == runOn(0.25))
  }

  @Test func aJobThatTellsNothingRunsUntilTheReserve() {
    #expect(decide(.auto, left: 118).decision == runOn(113))
    #expect(decide(.auto, left: 4, window: 118).decision == .checkpoint)
  }

  @Test func theUsersWishComesFirst() {
    #expect(decide(.release, left: 118, toGo: 1).decision == .release)
    #expect(decide(.checkpoint, left: 118, toGo: 1).decision == .checkpoint)
    #expect(decide(.finish, left: 118, toGo: 1000).decision == runOn(113))
    #expect(decide(.finish, left: 3, window: 118, toGo: 1).decision == .checkpoint)
  }

  @Test(
    arguments: [
      // window, configured, measured checkpoint, reserve
      (118.0, 5.0, nil, 5.0), (118, 5, 1.0, 5), (118, 5, 10, 21), (118, 5, 100, 47.2), (2, 5, nil, 0.8),
      (0, 5, nil, 0), (-3, 5, nil, 0), (10, 0, nil, 1), (30, 5, 0.01, 5),
    ] as [(Double, Double, Double?, Double)])
  func theReserveIsMeasuredAndNeverMostOfTheWindow(
    window: Double, configured: Double, checkpoint: Double?, expected: Double
  ) {
    let reserve = Triage.reserve(window: window, configured: configured, checkpointSeconds: checkpoint)
    #expect(abs(reserve - expected) < 0.001)
  }

  @Test func aHibernationThatBeginsAtOnceStillGetsItsCheckpointOut() {
    var plan = DrainPlan(grace: 110)
    _ = plan.receive(InterruptionNotice(source: "ec2_spot", action: "hibernate", secondsLeft: 0), at: now)
    let drain = plan.drain!
    let triage = Triage.decide(
      Triage.Facts(behaviour: .auto, secondsToGo: 3600, checkpointSeconds: nil),
      deadline: drain.deadline, window: drain.window, reserve: 5, at: now)
    #expect(triage.decision == .checkpoint)
  }

  @Test func noDecisionOutlivesTheDeadline() {
    for behaviour in InterruptionBehaviour.allCases {
      for left in stride(from: -5.0, through: 200, by: 2.5) {
        for toGo in [nil, 0, 1, 50, 500] as [Double?] {
          for checkpoint in [nil, 0.1, 20] as [Double?] {
            let triage = decide(behaviour, left: left, window: 120, toGo: toGo, checkpoint: checkpoint)
            if case .runOn(let until) = triage.decision {
              #expect(until <= now + .seconds(left))
              #expect(until > now, "else it would be decided again for ever")
            }
            #expect(!triage.reason.isEmpty)
          }
        }
      }
    }
  }
}

@Suite struct ProgressRateTests {
  private let start = ContinuousClock.now

  @Test func theRateSoFarTellsWhatIsLeft() {
    var rate = ProgressRate()
    #expect(rate.secondsToGo(at: start) == nil)
    rate.report(fraction: 0.2, message: "a", at: start)
    #expect(rate.secondsToGo(at: start) == nil, "one word is no rate")
    rate.report(fraction: 0.4, message: nil, at: start + .seconds(10))
    #expect(abs(rate.secondsToGo(at: start + .seconds(10))! - 30) < 0.001)
    #expect(abs(rate.secondsToGo(at: start + .seconds(15))! - 25) < 0.001)
    #expect(rate.latest?.message == "a", "what is not said stays")
    rate.report(fraction: 1, message: nil, at: start + .seconds(20))
    #expect(rate.secondsToGo(at: start + .seconds(20)) == 0)
  }

  @Test func aJobThatCountsAnewHasToldNothing() {
    var rate = ProgressRate()
    rate.report(fraction: 0, message: nil, at: start)
    rate.report(fraction: 0.9, message: nil, at: start + .seconds(10))
    rate.report(fraction: 0.1, message: nil, at: start + .seconds(11))
    #expect(rate.secondsToGo(at: start + .seconds(11)) == nil)
  }

  @Test func whatIsOutOfRangeIsBroughtIn() {
    var rate = ProgressRate()
    rate.report(fraction: 7, message: nil, at: start)
    #expect(rate.latest?.fraction == 1)
    rate.report(fraction: .nan, message: "x", at: start)
    #expect(rate.latest?.fraction == 1)
  }
}
