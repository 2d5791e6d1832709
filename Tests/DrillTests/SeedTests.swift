import Testing

@testable import BatonDrill

@Suite struct SeedTests {
  private func fates(seed: UInt64) -> [WorkerFate] {
    let plan = FatePlan(seed: seed, lease: 10)
    return (1...10).flatMap { slot in (0..<60).map { plan.fate(slot: slot, episode: $0) } }
  }

  private func jobs(seed: UInt64) -> [DrillJob] { (0..<500).map { JobPlan(seed: seed).job($0) } }

  @Test func theSameSeedGivesTheSameDrill() {
    #expect(fates(seed: 42) == fates(seed: 42))
    #expect(jobs(seed: 42) == jobs(seed: 42))
  }

  @Test func anotherSeedGivesAnotherDrill() {
    #expect(fates(seed: 42) != fates(seed: 43))
    #expect(jobs(seed: 42) != jobs(seed: 43))
  }

  @Test func everyKindOfFaultHappens() {
    #expect(Set(fates(seed: 1).map(\.fault.kind)) == Set(FaultKind.allCases))
  }

  @Test func noticesGiveFromThreeSecondsToTwoMinutes() {
    let seconds = fates(seed: 7).compactMap { fate in
      if case .notice(_, let seconds) = fate.fault { seconds } else { nil }
    }
    #expect(seconds.allSatisfy { (3...120).contains($0) })
    #expect(seconds.contains { $0 < 6 })
    #expect(seconds.contains { $0 > 60 })
  }

  @Test func suspensionsLastLongerThanALease() {
    for case .suspend(let seconds) in fates(seed: 3).map(\.fault) { #expect(seconds > 11 && seconds < 23) }
  }

  @Test func someJobsAreLongerThanAnyNotice() {
    let jobs = jobs(seed: 5)
    #expect(jobs.contains { $0.seconds > 120 && $0.kind == .exec })
    #expect(jobs.contains { $0.seconds > 120 && $0.kind == .steps })
    #expect(jobs.contains { $0.seconds < 10 })
    #expect(Set(jobs.map(\.behaviour)).count == 4)
    #expect(jobs.allSatisfy { $0.steps >= 1 && $0.checkpointEvery >= 1 })
  }

  @Test func aShortDrillHasNoJobsThatOutlastIt() {
    #expect((0..<300).allSatisfy { JobPlan(seed: 1, longest: 30).job($0).seconds <= 30.5 })
  }

  /// What a seed means must not change from one build to the next.
  @Test func theNumbersOfASeedAreFixed() {
    var numbers = SeededNumbers(seed: 42, "job", 1)
    let drawn = (0..<3).map { _ in numbers.next() }
    var again = SeededNumbers(seed: 42, "job", 1)
    #expect(drawn == (0..<3).map { _ in again.next() })
    var other = SeededNumbers(seed: 42, "fate", 1)
    #expect(drawn[0] != other.next())
  }
}
