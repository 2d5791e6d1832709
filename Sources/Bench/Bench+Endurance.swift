extension Bench {
  /// A steady load beside a transaction that stays open all the time, and the same load without. Needs a private fleet.
  ///
  /// - Parameters:
  ///   - rate: Jobs a second.
  ///   - seconds: How long it takes with the transaction, and again without.
  ///   - workers: How many wait for work.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func pinned(rate: Double, seconds: Double, workers: Int) async throws -> BenchReport {
    try needPrivateFleet()
    // Minutes, or tenths of a shorter run.
    let windowSeconds = seconds / 2 / max(5, (seconds / 120).rounded(.down))
    return try await withCoordinator(leaseSeconds: 60) { target, report, clock, fleet in
      guard let (fleet, _) = fleet else { return }
      @Sendable func run(_ what: String, seconds: Double) async throws -> StartLatency.Outcome {
        var latency = StartLatency(
          target: target, queue: queue, rate: rate, seconds: seconds, workers: workers, clock: clock)
        latency.windowSeconds = windowSeconds
        latency.progress = { number, window in
          let samples = Samples(window.submitToStart)
          progress(
            "\(what), part \(number + 1): \(samples.count) started, median \(samples.median.rounded(digits: 3)) ms, "
              + "p99 \(samples.percentile(0.99).rounded(digits: 3)) ms")
        }
        return try await latency.run()
      }
      progress("warming up")
      _ = try await run("warming up", seconds: 3)
      // One half of the clean run before, one after: a machine that gets slower all the while does not decide.
      try await fleet.clearJobs()
      var clean = try await run("clean", seconds: seconds / 2)
      try await fleet.clearJobs()
      let pinned = try await fleet.database.whilePinned { try await run("pinned", seconds: seconds) }
      try await fleet.clearJobs()
      clean.append(try await run("clean", seconds: seconds / 2))
      report.add(clean: clean, pinned: pinned, rate: rate)
    }
  }

  /// Real workers under a steady load, for long. Needs a private fleet.
  ///
  /// - Parameters:
  ///   - rate: Jobs a second; nil for half of what it takes at the most, which is measured first.
  ///   - retentionSeconds: When finished jobs are deleted; no less than two of the pieces in which it is told, a minute
  ///     or a twelfth of the run.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func soak(
    rate: Double?, seconds: Double, workers: Int, slots: Int, retentionSeconds: Double
  ) async throws -> BenchReport {
    try needPrivateFleet()
    let sampleSeconds = min(60, max(1, seconds / 12))
    guard retentionSeconds >= 2 * sampleSeconds else {
      throw BenchError(
        "jobs must be kept for \(2 * sampleSeconds) s at least, or they are deleted before they are counted")
    }
    let settings = ["RETENTION_SECONDS": "\(retentionSeconds)"]
    return try await withCoordinator(leaseSeconds: 30, environment: settings) { _, report, _, fleet in
      guard let (fleet, coordinator) = fleet else { return }
      var programs: [BenchProgram] = []
      for number in 0..<workers {
        programs.append(try await fleet.startWorker("bench-\(number)", of: coordinator, queue: queue, slots: slots))
      }
      func soak(rate: Double) -> Soak {
        Soak(
          fleet: fleet, coordinator: coordinator, workers: programs, queue: queue, rate: rate, seconds: seconds,
          sampleSeconds: sampleSeconds, progress: progress)
      }
      var peaks: [Double] = []
      if rate == nil {
        // The first is for plans and caches.
        for round in 0...3 {
          progress(round == 0 ? "warming up" : "peak, round \(round) of 3")
          try await fleet.clearJobs()
          peaks.append(try await soak(rate: 0).peak(jobs: round == 0 ? 10_000 : 40_000))
        }
        peaks.removeFirst()
        try await fleet.clearJobs()
      }
      let steady = rate ?? (Samples(peaks).median / 2).rounded()
      progress("\(Int(steady)) jobs a second for \(Int(seconds)) s")
      report.add(try await soak(rate: steady).run(), peaks: peaks, rate: steady, seconds: seconds)
      for program in programs { try await fleet.stop(program) }
    }
  }
}
