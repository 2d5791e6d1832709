extension Bench {
  /// From the submission of a job to its start, with workers that wait.
  ///
  /// - Parameters:
  ///   - rates: Submissions a second, one after the other.
  ///   - seconds: How long each round takes.
  ///   - workers: How many wait.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func latency(rounds: Int, rates: [Double], seconds: Double, workers: Int) async throws -> BenchReport {
    try await withCoordinator(leaseSeconds: 30) { target, report, clock, _ in
      for rate in rates {
        func measure(seconds: Double) async throws -> StartLatency.Outcome {
          try await StartLatency(
            target: target, queue: queue, rate: rate, seconds: seconds, workers: workers, clock: clock
          ).runToTheEnd()
        }
        // The first seconds of a coordinator's life are not what is asked about.
        progress("warming up")
        _ = try await measure(seconds: 2)
        var outcomes: [StartLatency.Outcome] = []
        for round in 1...rounds {
          progress("round \(round) of \(rounds): \(rate) submissions a second")
          outcomes.append(try await measure(seconds: seconds))
        }
        report.add(outcomes, rate: rate)
      }
    }
  }

  /// What it costs to keep leases in force.
  ///
  /// - Parameter workers: Each holds 1,000 leases.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func heartbeats(rounds: Int, workers: Int) async throws -> BenchReport {
    try await withCoordinator(leaseSeconds: 600) { target, report, clock, _ in
      progress("\(workers * HeartbeatCost.leasesPerWorker) leases")
      let results = try await HeartbeatCost(
        target: target, queue: queue, clock: clock, workers: workers, rounds: rounds
      ).run()
      report.add(heartbeats: results, leases: workers * HeartbeatCost.leasesPerWorker, seesProcesses: isPrivate)
    }
  }

  /// How fast real workers get through a backlog. Needs a private fleet.
  ///
  /// - Parameters:
  ///   - jobSeconds: How long each job takes; 0 for jobs that do nothing.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func burnDown(
    rounds: Int, jobs: Int, workers: Int, slots: Int, jobSeconds: Double
  ) async throws -> BenchReport {
    try needPrivateFleet()
    return try await withCoordinator(leaseSeconds: 60) { _, report, _, fleet in
      guard let (fleet, coordinator) = fleet else { return }
      let pgBench = PgBench(database: fleet.database)
      try await pgBench.prepare()
      var rates: [Double] = []
      var outcomes: [BurnDown.Outcome] = []
      for round in 1...rounds {
        progress("round \(round) of \(rounds): pgbench")
        rates.append(try await pgBench.run(.work, jobs: 40_000, batch: 100))
        progress("round \(round) of \(rounds): \(jobs) jobs, \(workers) workers of \(slots) slots")
        try await fleet.clearJobs()
        let burnDown = BurnDown(
          fleet: fleet, coordinator: coordinator, queue: "\(queue)-\(round)", jobs: jobs, workers: workers,
          slots: slots, jobSeconds: jobSeconds)
        outcomes.append(try await burnDown.run())
      }
      report.add(
        outcomes, yardstick: rates,
        parameters: [("jobs", jobs), ("workers", workers), ("slots", slots), ("job_us", Int(jobSeconds * 1e6))])
    }
  }

  /// What many workers cost that wait for work. Needs a private fleet.
  ///
  /// - Parameter seconds: How long they are watched.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func waiting(workers: Int, seconds: Double) async throws -> BenchReport {
    try needPrivateFleet()
    // Beyond the limit, connections would not be taken: all of the workers', and some to ask over.
    let settings = ["MAX_CONNECTIONS": "\(max(10_000, workers + 100))"]
    return try await withCoordinator(leaseSeconds: 30, environment: settings) { target, report, clock, fleet in
      guard let (_, coordinator) = fleet else { return }
      progress("\(workers) workers wait")
      let outcome = try await WaitingWorkers(
        target: target, queue: queue, clock: clock, coordinator: coordinator, workers: workers, seconds: seconds
      ).run()
      report.add(outcome, workers: workers)
    }
  }

  // MARK: Inside

  var isPrivate: Bool {
    if case .privateFleet = subject { true } else { false }
  }

  func needPrivateFleet() throws {
    guard isPrivate else { throw BenchError.needsPrivateFleet }
  }

  /// Runs `body` on a coordinator: its own, or the one that it was told of.
  func withCoordinator(
    leaseSeconds: Double, environment: [String: String] = [:],
    _ body:
      @Sendable (WireTarget, inout BenchReport, CPUClock, (BenchFleet, BenchProgram)?) async throws -> Void
  ) async throws -> BenchReport {
    switch subject {
    case .running(let target):
      var report = BenchReport(setting: Setting.machine())
      try await body(target, &report, CPUClock(), nil)
      return report
    case .privateFleet(let programs):
      return try await BenchFleet.with(programs) { fleet in
        var report = BenchReport(setting: try await Setting.of(fleet))
        let coordinator = try await fleet.startCoordinator(leaseSeconds: leaseSeconds, environment: environment)
        let target = try WireTarget(address: "http://127.0.0.1:\(coordinator.port)")
        let clock = CPUClock(coordinator: coordinator.pid, postgres: await fleet.postgres.pid)
        try await body(target, &report, clock, (fleet, coordinator))
        try await fleet.stop(coordinator)
        return report
      }
    }
  }
}
