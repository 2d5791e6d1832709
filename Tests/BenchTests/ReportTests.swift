import BatonJSON
import Testing

@testable import BatonBench

@Suite struct ReportTests {
  @Test func aReportIsJSON() throws {
    var report = BenchReport(setting: [("baton", "x")])
    report.measurements.append(.init("a.b", [("n", 1)], unit: "ms", Samples([1, 2])))
    report.series.append(
      .init("a.c", [("n", 2)], over: "s", unit: "MB", [.init(at: 60, value: 1.234567), .init(at: 120, value: .nan)]))
    report.goals.append(.init("what", .below(3), measured: 2, unit: "ms"))
    var reader = try JSONReader(report.json)
    var keys: [String] = []
    try reader.object { key, reader throws(JSONError) in
      keys.append(key)
      try reader.skip()
    }
    try reader.end()
    #expect(keys == ["setting", "measurements", "series", "goals"])
    let series =
      #"{"name":"a.c","parameters":{"n":2},"over":"s","unit":"MB","points":[[60,1.2346],[120,null]]}"#
    #expect(String(decoding: report.series[0].json, as: UTF8.self) == series)
  }

  @Test func whatIsAppendedIsAllThere() {
    var report = BenchReport(setting: [])
    var other = BenchReport(setting: [])
    other.measurements.append(.init("a", unit: "ms", Samples([1])))
    other.series.append(.init("b", over: "s", unit: "ms", []))
    other.goals.append(.init("c", .atLeast(1), measured: 1, unit: ""))
    report.append(other)
    #expect(report.measurements.map(\.name) == ["a"])
    #expect(report.series.map(\.name) == ["b"])
    #expect(report.goals.map(\.what) == ["c"])
  }

  // MARK: Growth

  private func series(_ values: [Double]) -> Series {
    Series("x", over: "s", unit: "MB", values.enumerated().map { .init(at: Double($0 + 1), value: $1) })
  }

  @Test func growthIsTheMostLaterOfTheMostAtFirst() {
    #expect(series([1, 4, 2, 3, 6]).growth(after: 2) == 1.5)
    #expect(series([1, 4, 2, 3, 4]).growth(after: 2) == 1)
    // What was small at first and is nothing now has not grown.
    #expect(series([5, 5, 0]).growth(after: 2) == 0)
    #expect(series([1, 2]).growth(after: 2).isNaN)
    #expect(series([1, 2]).growth(after: 0).isNaN)
  }

  // MARK: Scale

  @Test func sizesGrowTenfoldAsFarAsThereIsSomethingToMeasure() {
    #expect(
      Bench.sizes(queued: 10_000_000, finished: 5_000_000, steps: 3) == [
        .init(queued: 100_000, finished: 50_000), .init(queued: 1_000_000, finished: 500_000),
        .init(queued: 10_000_000, finished: 5_000_000),
      ])
    #expect(Bench.sizes(queued: 50_000, finished: 0, steps: 5) == [.init(queued: 50_000, finished: 0)])
  }

  private func result(_ latency: Double, cpu: Double) -> LoadResult {
    LoadResult(
      jobs: 100, seconds: 1, latencies: [latency], cpu: CPUTimes(coordinator: cpu / 4, postgres: cpu * 3 / 4))
  }

  @Test func manyAreHeldAgainstFewOfTheSameRound() throws {
    // The machine was twice as slow in the second and third round; the ratios do not see it.
    let outcome = LeaseScale.Outcome(
      load: .init(batch: 1, isSpread: false), small: [result(1, cpu: 1), result(2, cpu: 2), result(2, cpu: 2)],
      large: [result(1.2, cpu: 1.5), result(2.4, cpu: 3), result(4, cpu: 2)])
    #expect(outcome.latencyRatios == [1.2, 1.2, 2])
    #expect(outcome.cpuRatios == [1.5, 1.5, 1])
    var rounds = LeaseScaleRounds()
    rounds.add(.init(queued: 10_000, finished: 7), [outcome], sizes: RelationSizes(relations: [], rows: []))
    var report = BenchReport(setting: [])
    report.add(rounds)
    let goals = report.goals.filter { $0.what.hasPrefix("1 lease, one queue, 10000 queued and 7 finished") }
    #expect(goals.map(\.measured) == [1.5, 1.2])
    #expect(goals.map(\.isMet) == [false, true])
    let small = [("batch", 1), ("queues", 1), ("queued", 1000), ("finished", 0)]
    #expect(try #require(report.measurement("scale.cpu.postgres", small)).samples.median == 15_000)
  }

  // MARK: Pinned

  private func outcome(_ windows: [[Double]], neverStarted: Int = 0) -> StartLatency.Outcome {
    StartLatency.Outcome(
      windows: windows.map { .init(submitToStart: $0) }, windowSeconds: 2, neverStarted: neverStarted)
  }

  @Test func thePinnedRunIsHeldAgainstTheCleanOne() {
    let clean = outcome([[1, 1, 1, 2], [1, 1, 1, 2]])
    func goals(_ pinned: StartLatency.Outcome) -> [Bool] {
      var report = BenchReport(setting: [])
      report.add(clean: clean, pinned: pinned, rate: 2)
      return report.goals.map(\.isMet)
    }
    #expect(goals(outcome([[1, 1, 1, 3], [1, 1, 1, 3]])) == [true, true])
    #expect(goals(outcome([[1, 1, 1, 3], [1, 1, 1, 4]])) == [true, false])
    // Half a part's jobs came later than in it.
    #expect(goals(outcome([[1, 1], [1, 1, 1, 3]])) == [false, true])
    #expect(goals(outcome([[1, 1, 1, 3], [1, 1, 1, 3]], neverStarted: 1)) == [true, false])
  }

  // MARK: Soak

  /// Twelve samples, a minute apart.
  private func soak(
    coordinator: (Int) -> Double = { _ in 50 }, index: (Int) -> Double = { _ in 20 }, rate: Double = 100, left: Int = 0
  ) -> BenchReport {
    var outcome = Soak.Outcome()
    outcome.left = left
    outcome.samples = (1...12).map { number in
      let sizes = RelationSizes(
        relations: [
          .init(name: "jobs", isIndex: false, megabytes: 40),
          .init(name: "jobs_ready", isIndex: true, megabytes: index(number)),
          .init(name: "jobs_pkey", isIndex: true, megabytes: 1000),
          // Twice as much of next to nothing is no growth.
          .init(name: "workers", isIndex: false, megabytes: number < 6 ? 0.1 : 0.2),
        ], rows: [])
      return Soak.Sample(
        at: Double(number) * 60, rate: rate, backlog: 0, coordinatorMemory: coordinator(number), workerMemory: 30,
        cpu: CPUTimes(), sizes: sizes)
    }
    outcome.probe = StartLatency.Outcome(
      windows: .init(repeating: .init(submitToStart: [1]), count: 12), windowSeconds: 60)
    var report = BenchReport(setting: [])
    report.add(outcome, peaks: [], rate: 100, seconds: 720)
    return report
  }

  private func missed(_ report: BenchReport) -> [String] { report.goals.filter { !$0.isMet }.map(\.what) }

  @Test func aSteadySoakMeetsAllItsGoals() {
    let report = soak()
    #expect(report.goals.count == 7)
    #expect(missed(report) == [])
    #expect(report.series.first { $0.name == "soak.size.jobs_ready" }?.points.count == 12)
    #expect(!report.series.contains { $0.name == "soak.size.workers" })
  }

  @Test func whatGrowsIsNoticedAndNamed() {
    #expect(missed(soak(coordinator: { 50 + Double($0) })) == ["soak: growth of the coordinator's memory"])
    // A small index that grows is not hidden by a large one that does not.
    #expect(missed(soak(index: { 20 + Double($0) })) == ["soak: growth of what grew most, jobs_ready"])
    #expect(missed(soak(rate: 90)) == ["soak: rate, the slowest part"])
    #expect(missed(soak(left: 1)) == ["soak: jobs left in the end"])
  }

  @Test func waitingRequestsAreReadFromMetrics() {
    let text = "# TYPE baton_lease_requests_waiting gauge\nbaton_lease_requests_waiting 9999\nother 1\n"
    #expect(WaitingWorkers.waiting(in: text) == 9999)
    #expect(WaitingWorkers.waiting(in: "other 1\n") == 0)
  }
}
