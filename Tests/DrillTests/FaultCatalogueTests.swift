import Testing

@testable import BatonDrill

@Suite struct FaultCatalogueTests {
  @Test func everyFaultHasANameOfItsOwn() {
    let names = Faults.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
    #expect(names.allSatisfy { Faults.named($0)?.name == $0 })
  }

  @Test func theShortDrillIsMadeOfKnownFaults() {
    #expect(FaultDrill.short.allSatisfy { Faults.named($0) != nil })
  }

  @Test func aFullDrillHasEveryFaultAndATransactionAroundThem() throws {
    let fleets = try FaultDrill.fleets([])
    #expect(fleets.map(\.pinned) == [true, false])
    let names = fleets.flatMap(\.faults).map(\.name) + [PinnedTransaction().name]
    #expect(names.sorted() == Faults.all.map(\.name).sorted())
  }

  @Test func chosenFaultsHappenAlone() throws {
    let fleets = try FaultDrill.fleets(["pinned-transaction", "failover"])
    #expect(fleets.map { $0.faults.map(\.name) } == [["pinned-transaction"], ["failover"]])
    #expect(fleets.map(\.pinned) == [false, false])
  }

  @Test func theLoadIsMoreThanHalfOfAFleetCanDo() {
    let options = FaultDrill.Options()
    let plan = FaultJobPlan(seed: 1)
    let seconds = (0..<2000).reduce(0) { $0 + plan.job($1).seconds } / 2000
    let busy = seconds * options.rate / Double(options.slots)
    #expect((0.64...0.75).contains(busy), "\(busy)")
  }

  @Test func aThirdOfTheJobsSavesCheckpoints() {
    let plan = FaultJobPlan(seed: 1)
    let jobs = (0..<2000).map(plan.job)
    #expect((580...760).contains(jobs.count { $0.checkpointEvery <= 3 && $0.steps > 3 }))
    #expect(jobs.allSatisfy { $0.fate == .done })
  }

  @Test func someJobsComeOnTopThatAreToEndOtherwise() {
    let plan = FaultJobPlan(seed: 1)
    let others = (0..<6000).compactMap(plan.other).map(plan.job)
    #expect((240...360).contains(others.count))
    for fate in DrillJob.Fate.allCases where fate != .done { #expect(others.count { $0.fate == fate } > 60, "\(fate)") }
    #expect(others.allSatisfy { $0.fate != .done })
    // Once a job is its own, it is the same each time it is asked for.
    #expect(others.allSatisfy { plan.job($0.index) == $0 })
  }

  @Test func someJobsAreSubmittedTwice() {
    let plan = FaultJobPlan(seed: 1)
    let repetitions = (0..<2000).map(plan.repetition)
    #expect((60...140).contains(repetitions.count { $0 == .atOnce }))
    #expect((60...140).contains(repetitions.count { $0 == .later }))
  }

  @Test func aWorkersLogTellsWhatItBegan() throws {
    let line = try #require(
      LogLine(#"{"level":"info","message":"a job starts","attempt":"2","job":"id-7","kind":"exec"}"#))
    let event = try #require(WorkerWords.event(line, worker: "worker-1-1", origin: 0))
    #expect("\(event)" == "\(HistoryEvent.began(worker: "worker-1-1", job: "id-7", attempt: 2))")
  }

  @Test func onlyASynchronousStandbyHasEveryCommit() {
    #expect(Failover.isSynchronous("sync\n"))
    #expect(!Failover.isSynchronous("async\n"))
    #expect(!Failover.isSynchronous("potential\n"))
    #expect(!Failover.isSynchronous("\n"))
  }
}
