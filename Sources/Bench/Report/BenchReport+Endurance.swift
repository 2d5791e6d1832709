extension BenchReport {
  /// - Parameter rate: Submissions a second that were asked for.
  mutating func add(clean: StartLatency.Outcome, pinned: StartLatency.Outcome, rate: Double) {
    for (isPinned, outcome) in [(0, clean), (1, pinned)] {
      let parameters = [(name: "rate", value: Int(rate)), (name: "pinned", value: isPinned)]
      let windows = outcome.windows.map { Samples($0.submitToStart) }
      measurements += [
        Measurement("pinned.submit_to_start", parameters, unit: "ms", Samples(outcome.submitToStart)),
        Measurement("pinned.submit_to_answer", parameters, unit: "ms", Samples(outcome.submitToAnswer)),
        Measurement("pinned.rate_of_part", parameters, unit: "jobs/s", Samples(outcome.rates)),
        Measurement("pinned.p99_of_part", parameters, unit: "ms", Samples(windows.map { $0.percentile(0.99) })),
        Measurement("pinned.never_started", parameters, unit: "jobs", Samples([Double(outcome.neverStarted)])),
      ]
      add(costs: outcome, of: "pinned", parameters)
      series += [
        outcome.series("pinned.rate", parameters, unit: "jobs/s", outcome.rates),
        outcome.series("pinned.median", parameters, unit: "ms", windows.map(\.median)),
        outcome.series("pinned.p99", parameters, unit: "ms", windows.map { $0.percentile(0.99) }),
      ]
    }
    let kept = (pinned.rates.min() ?? .nan) / rate
    let ratio = Samples(pinned.submitToStart).percentile(0.99) / Samples(clean.submitToStart).percentile(0.99)
    goals += [
      Goal(
        "rate behind a pinned transaction, its slowest part", .atLeast(0.98), measured: kept,
        unit: "of \(Int(rate)) jobs/s"),
      // One that was never started has no latency that could be counted.
      Goal(
        "submit to start behind a pinned transaction, p99", .below(2),
        measured: pinned.neverStarted == 0 ? ratio : .infinity, unit: "of the clean run's"),
    ]
  }

  /// What each job cost, as far as is known.
  mutating func add(
    costs outcome: StartLatency.Outcome, of name: String, _ parameters: [(name: String, value: Int)]
  ) {
    let jobs = Double(outcome.submitToStart.count)
    for (party, seconds) in [
      ("bench", outcome.cpu.bench), ("coordinator", outcome.cpu.coordinator), ("postgres", outcome.cpu.postgres),
    ] where seconds > 0 {
      measurements.append(
        Measurement("\(name).cpu.\(party)", parameters, unit: "us/job", Samples([seconds / jobs * 1e6])))
    }
  }
}

extension StartLatency.Outcome {
  fileprivate func series(
    _ name: String, _ parameters: [(name: String, value: Int)], unit: String, _ values: [Double]
  ) -> Series {
    Series(
      name, parameters, over: "s", unit: unit,
      values.enumerated().map { .init(at: Double($0 + 1) * windowSeconds, value: $1) })
  }
}

extension BenchReport {
  /// Something has grown if the most of it, after the first ten minutes (the first sixth of a shorter run), is more than
  /// this part of the most until then. Below is the noise of allocators and of when a vacuum happens to come.
  static let growthLimit = 1.1
  /// Megabytes; of what is smaller than this, a page more is no growth.
  static let smallestRelation = 1.0

  mutating func add(_ outcome: Soak.Outcome, peaks: [Double], rate: Double, seconds: Double) {
    let parameters = [(name: "rate", value: Int(rate))]
    if !peaks.isEmpty { measurements.append(Measurement("soak.peak", unit: "jobs/s", Samples(peaks))) }
    func curve(_ name: String, _ unit: String, _ value: (Soak.Sample) -> Double) -> Series {
      Series(
        "soak.\(name)", parameters, over: "s", unit: unit, outcome.samples.map { .init(at: $0.at, value: value($0)) })
    }
    let rates = curve("rate", "jobs/s", \.rate)
    let coordinator = curve("memory.coordinator", "MB", \.coordinatorMemory)
    let workers = curve("memory.workers", "MB", \.workerMemory)
    let tables = curve("tables", "MB", \.sizes.tableMegabytes)
    let indexes = curve("indexes", "MB", \.sizes.indexMegabytes)
    let windows = zip(outcome.samples, outcome.probe.windows).map { ($0.at, Samples($1.submitToStart)) }
    let probes = [
      Series("soak.median", parameters, over: "s", unit: "ms", windows.map { .init(at: $0, value: $1.median) }),
      Series("soak.p99", parameters, over: "s", unit: "ms", windows.map { .init(at: $0, value: $1.percentile(0.99)) }),
    ]
    let costs = [
      curve("cpu.bench", "cores", \.cpu.bench), curve("cpu.coordinator", "cores", \.cpu.coordinator),
      curve("cpu.postgres", "cores", \.cpu.postgres), curve("cpu.workers", "cores", \.cpu.workers),
    ]
    let others = [curve("backlog", "jobs", \.backlog), curve("dead_rows", "rows", \.sizes.deadRows)]
    let relations = Self.relations(outcome, parameters)
    for curve in [rates, coordinator, workers, tables, indexes] + probes + costs + others + relations {
      series.append(curve)
      measurements.append(Measurement(curve.name, parameters, unit: curve.unit, Samples(curve.points.map(\.value))))
    }
    measurements.append(
      Measurement("soak.submit_to_start", parameters, unit: "ms", Samples(outcome.probe.submitToStart)))

    let first = min(600, seconds / 6)
    func growth(_ what: String, _ ratio: Double) -> Goal {
      Goal(
        "soak: growth of \(what)", .below(Self.growthLimit), measured: ratio,
        unit: "of the first \(Int(first)) s' largest")
    }
    goals += [
      Goal(
        "soak: rate, the slowest part", .atLeast(0.95), measured: Samples(rates.points.map(\.value)).minimum / rate,
        unit: "of \(Int(rate)) jobs/s"),
      Goal(
        "soak: jobs left in the end", .below(1), measured: Double(outcome.left + outcome.probe.neverStarted),
        unit: "jobs"),
      growth("the coordinator's memory", coordinator.growth(after: first)),
      growth("the workers' memory", workers.growth(after: first)),
      growth("all tables", tables.growth(after: first)),
      growth("all indexes", indexes.growth(after: first)),
    ]
    let worst = relations.map { (name: $0.name.dropFirst("soak.size.".count), ratio: $0.growth(after: first)) }
      .filter { !$0.ratio.isNaN }.max { $0.ratio < $1.ratio }
    if let worst { goals.append(growth("what grew most, \(worst.name)", worst.ratio)) }
  }

  /// The sizes of what is large enough to look at by itself.
  private static func relations(_ outcome: Soak.Outcome, _ parameters: [(name: String, value: Int)]) -> [Series] {
    let names = Set(
      outcome.samples.flatMap { $0.sizes.relations.filter { $0.megabytes >= smallestRelation }.map(\.name) })
    return names.sorted().map { name in
      Series(
        "soak.size.\(name)", parameters, over: "s", unit: "MB",
        outcome.samples.compactMap { sample in
          sample.sizes.relations.first { $0.name == name }.map { .init(at: sample.at, value: $0.megabytes) }
        })
    }
  }
}
