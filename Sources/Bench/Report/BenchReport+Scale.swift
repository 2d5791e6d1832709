/// What the sizes of a benchmark of leasing found, until they are made into a report.
struct LeaseScaleRounds: Sendable {
  struct Step: Sendable {
    var size: Backlog.Size
    var outcomes: [LeaseScale.Outcome]
    var sizes: RelationSizes
  }

  private(set) var steps: [Step] = []

  mutating func add(_ size: Backlog.Size, _ outcomes: [LeaseScale.Outcome], sizes: RelationSizes) {
    steps.append(Step(size: size, outcomes: outcomes, sizes: sizes))
  }
}

extension LeaseScale.Outcome {
  /// The median request with many jobs, of that with few, round by round.
  var latencyRatios: [Double] {
    zip(large, small).map { Samples($0.latencies).median / Samples($1.latencies).median }
  }

  /// The same of processor time a lease, coordinator and database together.
  var cpuRatios: [Double] {
    zip(large, small).map { Self.cost($0, \.served) / Self.cost($1, \.served) }
  }

  /// Microseconds a lease.
  static func cost(_ result: LoadResult, _ party: KeyPath<CPUTimes, Double>) -> Double {
    result.cpu[keyPath: party] / Double(result.jobs) * 1e6
  }
}

extension BenchReport {
  mutating func add(_ rounds: LeaseScaleRounds) {
    for load in LeaseScale.Load.all {
      func outcome(_ step: LeaseScaleRounds.Step) -> LeaseScale.Outcome {
        step.outcomes.first { $0.load == load } ?? .init(load: load)
      }
      let outcomes = rounds.steps.map(outcome)
      add(outcomes.flatMap(\.small), load, LeaseScale.smallSize)
      for (step, outcome) in zip(rounds.steps, outcomes) { add(outcome.large, load, step.size) }
      for (step, outcome) in zip(rounds.steps, outcomes) {
        let parameters = Self.parameters(load, step.size)
        measurements += [
          Measurement("scale.latency_ratio", parameters, unit: "of 1000 queued", Samples(outcome.latencyRatios)),
          Measurement("scale.cpu_ratio", parameters, unit: "of 1000 queued", Samples(outcome.cpuRatios)),
        ]
      }
      for (name, ratios) in [("latency", \LeaseScale.Outcome.latencyRatios), ("cpu", \.cpuRatios)] {
        series.append(
          Series(
            "scale.\(name)_ratio", Self.parameters(load), over: "jobs", unit: "of 1000 queued",
            zip(rounds.steps, outcomes).map { step, outcome in
              .init(at: Double(step.size.queued), value: Samples(outcome[keyPath: ratios]).median)
            }))
      }
      guard let size = rounds.steps.last?.size, let last = outcomes.last else { continue }
      let asked = load.batch == 1 ? "1 lease" : "\(load.batch) leases"
      let queues = load.isSpread ? "8 queues, 5 priorities" : "one queue"
      let what = "\(asked), \(queues), \(size.queued) queued and \(size.finished) finished"
      goals += [
        Goal("\(what): processor time", .below(1.3), measured: Samples(last.cpuRatios).median, unit: "of 1000 queued"),
        Goal(
          "\(what): median request", .below(1.3), measured: Samples(last.latencyRatios).median, unit: "of 1000 queued"),
      ]
    }
    for step in rounds.steps {
      let parameters = [(name: "queued", value: step.size.queued), (name: "finished", value: step.size.finished)]
      measurements += [
        Measurement("scale.tables", parameters, unit: "MB", Samples([step.sizes.tableMegabytes])),
        Measurement("scale.indexes", parameters, unit: "MB", Samples([step.sizes.indexMegabytes])),
      ]
    }
  }

  private mutating func add(_ results: [LoadResult], _ load: LeaseScale.Load, _ size: Backlog.Size) {
    let parameters = Self.parameters(load, size)
    measurements.append(
      Measurement("scale.lease", parameters, unit: "ms", Samples(results.flatMap(\.latencies))))
    for (name, party) in [
      ("bench", \CPUTimes.bench), ("coordinator", \CPUTimes.coordinator), ("postgres", \CPUTimes.postgres),
    ] {
      measurements.append(
        Measurement(
          "scale.cpu.\(name)", parameters, unit: "us/lease",
          Samples(results.map { LeaseScale.Outcome.cost($0, party) })))
    }
  }

  private static func parameters(_ load: LeaseScale.Load) -> [(name: String, value: Int)] {
    [("batch", load.batch), ("queues", load.isSpread ? 8 : 1)]
  }

  private static func parameters(
    _ load: LeaseScale.Load, _ size: Backlog.Size
  ) -> [(name: String, value: Int)] {
    parameters(load) + [("queued", size.queued), ("finished", size.finished)]
  }
}
