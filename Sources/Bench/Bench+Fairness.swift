extension Bench {
  /// What single jobs wait for while somebody else submits large batches: a steady rate of them, alone and beside that, in
  /// turns. Needs a private fleet.
  ///
  /// - Parameters:
  ///   - rate: Single submissions a second.
  ///   - seconds: How long each round takes, alone and again beside the batches.
  ///   - batch: Jobs of a large request.
  ///   - submitters: How many connections have one under way at all times.
  ///   - workers: How many wait for the single jobs.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func fairness(
    rounds: Int, rate: Double, seconds: Double, batch: Int, submitters: Int, workers: Int
  ) async throws -> BenchReport {
    try needPrivateFleet()
    return try await withCoordinator(leaseSeconds: 30) { target, report, clock, fleet in
      guard let (fleet, _) = fleet else { return }
      @Sendable func single(seconds: Double) async throws -> StartLatency.Outcome {
        try await StartLatency(
          target: target, queue: queue, rate: rate, seconds: seconds, workers: workers, clock: clock
        ).runToTheEnd()
      }
      progress("warming up")
      _ = try await single(seconds: 2)
      var alone: [StartLatency.Outcome] = []
      var beside: [StartLatency.Outcome] = []
      var large: [LoadResult] = []
      for round in 1...rounds {
        try await fleet.clearJobs()
        progress("round \(round) of \(rounds): \(rate) jobs a second, alone")
        alone.append(try await single(seconds: seconds))
        progress("round \(round) of \(rounds): \(rate) jobs a second, beside batches of \(batch)")
        let batches = LargeBatches(target: target, queue: "\(queue)-large", batch: batch, connections: submitters)
        async let submitted = batches.run()
        // However the other ends, this has to.
        defer { batches.stop() }
        beside.append(try await single(seconds: seconds))
        batches.stop()
        large.append(try await submitted)
      }
      report.add(alone: alone, beside: beside, large: large, rate: rate, batch: batch)
    }
  }
}
