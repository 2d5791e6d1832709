extension BenchReport {
  /// - Parameters:
  ///   - rate: Single submissions a second that were asked for.
  ///   - large: What became of the large requests beside them, of this many jobs each.
  mutating func add(
    alone: [StartLatency.Outcome], beside: [StartLatency.Outcome], large: [LoadResult], rate: Double, batch: Int
  ) {
    for (size, outcomes) in [(0, alone), (batch, beside)] {
      let parameters = [(name: "rate", value: Int(rate)), (name: "beside", value: size)]
      for (name, times) in [
        ("submit_to_answer", \StartLatency.Outcome.submitToAnswer), ("submit_to_start", \.submitToStart),
      ] {
        let rounds = outcomes.map { Samples($0[keyPath: times]) }
        measurements += [
          Measurement("fairness.\(name)", parameters, unit: "ms", Samples(outcomes.flatMap { $0[keyPath: times] })),
          Measurement("fairness.\(name).median_of_round", parameters, unit: "ms", Samples(rounds.map(\.median))),
          Measurement(
            "fairness.\(name).p99_of_round", parameters, unit: "ms", Samples(rounds.map { $0.percentile(0.99) })),
        ]
      }
    }
    let parameters = [(name: "batch", value: batch)]
    measurements += [
      Measurement("fairness.batches", parameters, unit: "jobs/s", Samples(large.map(\.jobsPerSecond))),
      Measurement("fairness.batch_to_answer", parameters, unit: "ms", Samples(large.flatMap(\.latencies))),
    ]
  }
}
