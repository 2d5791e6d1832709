import BatonShared
import Testing

@testable import BatonDrill

/// The load and the faults of the drills with very many jobs follow from the seed alone.
@Suite struct StreamPlanTests {
  private func text(_ order: StreamPlan.Order) -> String {
    switch order {
    case .batch(let jobs): jobs.map { "\($0.kind) \($0.payload)" }.joined(separator: "; ")
    case .single(let job, let key): "\(key): \(job.kind) \(job.payload)"
    }
  }

  @Test func theSameSeedGivesTheSameJobs() {
    let plan = StreamPlan(seed: 7, work: .nothing(sleepersInHundred: 20))
    let other = StreamPlan(seed: 8, work: .nothing(sleepersInHundred: 20))
    for index in 0..<20 { #expect(text(plan.order(index, count: 50)) == text(plan.order(index, count: 50))) }
    #expect(text(plan.order(3, count: 50)) != text(other.order(3, count: 50)))
  }

  @Test func noMoreJobsAreOrderedThanThereAreToBe() {
    let plan = StreamPlan(seed: 7, work: .sleep(seconds: 0.5))
    #expect((0..<20).map { plan.count($0, atMost: 17) } == (0..<20).map { $0 % 10 == 9 ? 1 : 17 })
    #expect(plan.count(0, atMost: .max) == plan.batch)
    #expect(plan.count(3, atMost: 0) == 0)
    guard case .batch(let jobs) = plan.order(0, count: 17) else { return #expect(Bool(false), "no batch") }
    #expect(jobs.count == 17)
    #expect(jobs.allSatisfy { $0.kind == "sleep" && "\($0.payload)" == #"{"seconds":0.5}"# })
    guard case .single(_, "stream-0") = plan.order(0, count: 1) else { return #expect(Bool(false), "not single") }
  }

  @Test func theLanesHaveFaultsOfTheirOwn() {
    let plan = MixedFaultPlan(seed: 3, workers: 4)
    let names = MixedFaultPlan.Lane.allCases.map { lane in Set((0..<300).map { plan.fault(lane, $0).fault.name }) }
    #expect(names[0].isDisjoint(with: names[1]))
    #expect(names[0].count == 6)
    #expect(names[1].count == 5 + NetworkFault.all.count)
    let again = MixedFaultPlan(seed: 3, workers: 4)
    for index in 0..<50 {
      let (pause, fault) = plan.fault(.surroundings, index)
      let other = again.fault(.surroundings, index)
      #expect(pause == other.pause && fault.name == other.fault.name)
      #expect(index == 0 ? pause < plan.pause.lowerBound : plan.pause.contains(pause))
    }
  }
}
