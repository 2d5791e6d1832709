import BatonShared
import Testing

@testable import BatonWorker

@Suite struct TriageTests {
  private let now = ContinuousClock.now

  private func decide(
    _ behaviour: InterruptionBehaviour, left: Double, window: Double? = nil, toGo: Double? = nil,
    checkpoint: Double? = nil, reserve: Double = 5, settle: Double = 0.5
  ) -> Triage {
    Triage.decide(
      Triage.Facts(behaviour: behaviour, secondsToGo: toGo, checkpointSeconds: checkpoint),
      Triage.Window(
        deadline: now + .seconds(left), length: window ?? left, reserve: reserve, settleSeconds: settle),
      at: now)
  }

  /// When a decision to run on is taken again, in seconds; nil for another decision.
  private func runsOn(_ triage: Triage) -> Double? {
    guard case .runOn(let until) = triage.decision else { return nil }
    return ((until - now).inSeconds * 1000).rounded() / 1000
  }

  @Test func aJobThatWillFinishMayUseTheWholeWindow() {
    let triage = decide(.auto, left: 118, toGo: 100)
    #expect(triage.outlook == .willFinish)
    #expect(runsOn(triage) == 117.5)
    #expect(triage.reason == "needs 100.0 s and will finish; 118.0 s left")
    // Within what is kept for a checkpoint too, up to what its report takes.
    #expect(decide(.auto, left: 4, window: 118, toGo: 3).outlook == .willFinish)
    #expect(decide(.auto, left: 4, window: 118, toGo: 3, settle: 2).decision == .checkpoint)
  }

  @Test func aJobThatWillNotFinishRunsUntilTheReserve() {
    let triage = decide(.auto, left: 118, toGo: 130)
    #expect(runsOn(triage) == 113, "as late as is safe, not at once")
    #expect(triage.outlook == .willNotFinish)
    #expect(decide(.auto, left: 5, window: 118, toGo: 17).decision == .checkpoint)
    #expect(runsOn(decide(.auto, left: 5.25, window: 118, toGo: 17)) == 0.25)
  }

  @Test func aJobThatTellsNothingRunsUntilTheReserve() {
    #expect(runsOn(decide(.auto, left: 118)) == 113)
    #expect(decide(.auto, left: 118).outlook == .unknown)
    #expect(decide(.auto, left: 4, window: 118).decision == .checkpoint)
  }

  @Test func anEstimateIsBelievedWithCaution() {
    // 107 s and a tenth are more than there is; it may finish all the same, and runs on.
    let triage = decide(.auto, left: 118, toGo: 107)
    #expect(triage.outlook == .willNotFinish)
    #expect(runsOn(triage) == 113)
  }

  @Test func theUsersWishComesFirst() {
    #expect(decide(.release, left: 118, toGo: 1).decision == .release)
    #expect(decide(.checkpoint, left: 118, toGo: 1).decision == .checkpoint)
    #expect(decide(.checkpoint, left: 118, toGo: 1, checkpoint: 200).decision == .release)
  }

  @Test func aJobThatWantsToFinishGivesUpOnlyWhatIsMeasured() {
    #expect(runsOn(decide(.finish, left: 118, toGo: 1000)) == 117)
    #expect(runsOn(decide(.finish, left: 118)) == 117)
    #expect(runsOn(decide(.finish, left: 118, toGo: 1000, checkpoint: 4)) == 111)
    #expect(decide(.finish, left: 0.9, window: 118, toGo: 10).decision == .checkpoint)
  }

  @Test func whereACheckpointTakesLongerThanThereIsTimeTheNextWorkerMayBeginNow() {
    let triage = decide(.auto, left: 28, toGo: 300, checkpoint: 40)
    #expect(triage.decision == .release)
    #expect(triage.reason == "released at once: a checkpoint takes 40.0 s, and 27.5 s are left")
    // It may finish, though, for all that is known.
    #expect(runsOn(decide(.auto, left: 28, checkpoint: 40)) == 27.5)
    #expect(runsOn(decide(.auto, left: 28, toGo: 20, checkpoint: 40)) == 27.5)
    #expect(decide(.auto, left: 0.4, window: 28, checkpoint: 40).decision == .release)
    // There is time, but only if it begins at once.
    #expect(decide(.auto, left: 58, toGo: 300, checkpoint: 40).decision == .checkpoint)
  }

  @Test(
    arguments: [
      // window, configured, measured checkpoint, reserve
      (118.0, 5.0, nil, 5.0), (118, 5, 1.0, 5), (118, 5, 10, 16), (118, 5, 100, 118), (2, 5, nil, 0.8),
      (0, 5, nil, 0), (-3, 5, nil, 0), (10, 0, nil, 1), (30, 5, 0.01, 5),
    ] as [(Double, Double, Double?, Double)])
  func theReserveIsMeasuredAndOtherwiseNeverMostOfTheWindow(
    window: Double, configured: Double, checkpoint: Double?, expected: Double
  ) {
    let reserve = Triage.reserve(
      Triage.Facts(behaviour: .auto, secondsToGo: nil, checkpointSeconds: checkpoint),
      Triage.Window(deadline: now, length: window, reserve: configured, settleSeconds: 0.5))
    #expect(abs(reserve - expected) < 0.001)
  }

  @Test func aHibernationThatBeginsAtOnceStillGetsItsCheckpointOut() {
    var plan = DrainPlan(grace: 110)
    _ = plan.receive(InterruptionNotice(source: "ec2_spot", action: "hibernate", secondsLeft: 120), at: now)
    let drain = plan.drain!
    let triage = Triage.decide(
      Triage.Facts(behaviour: .auto, secondsToGo: 3600, checkpointSeconds: nil),
      Triage.Window(deadline: drain.deadline, length: drain.window, reserve: 5, settleSeconds: 0.5), at: now)
    #expect(triage.decision == .checkpoint)
  }

  @Test func noDecisionOutlivesTheDeadline() {
    for behaviour in InterruptionBehaviour.allCases {
      for left in stride(from: -5.0, through: 200, by: 2.5) {
        for toGo in [nil, 0, 1, 50, 500] as [Double?] {
          for checkpoint in [nil, 0.1, 20, 300] as [Double?] {
            for settle in [0.5, 5] {
              let triage = decide(
                behaviour, left: left, window: 120, toGo: toGo, checkpoint: checkpoint, settle: settle)
              if case .runOn(let until) = triage.decision {
                #expect(until <= now + .seconds(left))
                #expect(until > now, "else it would be decided again for ever")
              }
              if triage.decision == .checkpoint, let checkpoint {
                #expect(checkpoint <= left, "a checkpoint that cannot be saved")
              }
              #expect(!triage.reason.isEmpty)
            }
          }
        }
      }
    }
  }

  /// Plays a whole window, second by second, with jobs that keep what their progress says.
  @Test(arguments: Array(stride(from: 1.0, through: 150, by: 0.7)))
  func aSteadyJobFinishesIfItCanAndIsAskedInTimeIfNot(needed: Double) {
    let length = 118.0
    var endedAt: Double?
    var askedAt: Double?
    var at = 0.0
    while endedAt == nil, askedAt == nil, at <= length {
      let toGo = needed - at
      if toGo <= 0 {
        endedAt = at
        break
      }
      if decide(.auto, left: length - at, window: length, toGo: toGo, checkpoint: 0.2).decision == .checkpoint {
        askedAt = at
      }
      at += 0.5
    }
    if needed <= 116.5 {
      #expect(endedAt != nil, "it would have finished after \(needed) s, but was asked at \(askedAt ?? -1) s")
    } else if needed > 118 {
      #expect(askedAt.map { $0 >= 113 && $0 <= 117.5 } == true, "asked at \(askedAt ?? -1) s")
    }
    #expect(endedAt != nil || askedAt != nil)
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

  @Test func aJobThatFallsSilentHasToldNothing() {
    var rate = ProgressRate()
    for second in 0...9 { rate.report(fraction: Double(second) / 10, message: nil, at: start + .seconds(second)) }
    #expect(abs(rate.secondsToGo(at: start + .seconds(9))! - 1) < 0.001)
    #expect(rate.secondsToGo(at: start + .seconds(11.5)) == 0, "late by a step or two, like anybody")
    #expect(rate.secondsToGo(at: start + .seconds(12.5)) == nil, "it hangs, for all that is known")
  }

  /// It is added to a clock, which ends the process when it leaves its range.
  @Test func noPaceIsSoSlowThatItCannotBeReckonedWith() {
    for fraction in [Double.leastNonzeroMagnitude, 1e-300, 1e-18] {
      var rate = ProgressRate()
      rate.report(fraction: 0, message: nil, at: start)
      rate.report(fraction: fraction, message: nil, at: start + .seconds(1))
      let left = rate.secondsToGo(at: start + .seconds(1))
      #expect(left == 3_153_600_000.0)
      let facts = Triage.Facts(behaviour: .auto, secondsToGo: left, checkpointSeconds: nil)
      let window = Triage.Window(deadline: start + .seconds(60), length: 60, reserve: 5, settleSeconds: 0.5)
      #expect(Triage.decide(facts, window, at: start).outlook == .willNotFinish)
    }
  }

  @Test func whatIsOutOfRangeIsBroughtIn() {
    var rate = ProgressRate()
    rate.report(fraction: 7, message: nil, at: start)
    #expect(rate.latest?.fraction == 1)
    rate.report(fraction: .nan, message: "x", at: start)
    #expect(rate.latest?.fraction == 1)
  }
}
