extension Bench {
  /// Submit, lease, settle and the whole cycle, with few and many connections, single and in batches; with a private
  /// fleet also `pgbench` doing the same in SQL, and a plain job queue over HTTP doing it for single requests.
  ///
  /// - Parameters:
  ///   - rounds: How often everything is measured; what is told are medians.
  ///   - scale: 1 for about a second a step.
  ///   - connections: How many connections; nil for those of the goals.
  ///   - batches: How many jobs a request; nil for those of the goals.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func throughput(
    rounds: Int, scale: Double, connections: [Int]? = nil, batches: [Int]? = nil
  ) async throws -> BenchReport {
    let loads =
      connections == nil && batches == nil
      ? Throughput.loads(scale: scale)
      : Throughput.loads(connections: connections ?? [64], batches: batches ?? [1], scale: scale)
    switch subject {
    case .running(let target):
      var report = BenchReport(setting: Setting.machine())
      var found = ThroughputRounds()
      for round in 1...rounds {
        for load in loads { found.add(load, try await measure(load, at: target, CPUClock(), round, rounds)) }
      }
      report.add(found, seesProcesses: false)
      return report
    case .privateFleet(let programs):
      return try await BenchFleet.with(programs) { fleet in
        var report = BenchReport(setting: try await Setting.of(fleet))
        // The benchmark does not renew its leases.
        let coordinator = try await fleet.startCoordinator(leaseSeconds: 600)
        let target = try WireTarget(address: "http://127.0.0.1:\(coordinator.port)")
        let clock = CPUClock(coordinator: coordinator.pid, postgres: await fleet.postgres.pid)
        let yardsticks = try await fleet.startYardsticks()
        if yardsticks == nil {
          progress("there is no yardstick program: single requests are held against pgbench only")
        }
        let pgBench = PgBench(database: fleet.database)
        try await pgBench.prepare()
        var found = ThroughputRounds()
        for round in 1...rounds {
          progress("round \(round) of \(rounds): pgbench")
          try await measure(pgBench, batches: Set(loads.map(\.batch)), scale: scale, into: &found)
          for load in loads {
            try await fleet.clearJobs()
            if load.batch == 1, let yardsticks {
              let prefix = "round \(round) of \(rounds): yardstick, \(load.connections) connections: "
              for (server, keepsJobs) in [(yardsticks.forgetful, false), (yardsticks.keeping, true)] {
                let throughput = try throughput(of: server, clock) { progress(prefix + $0) }
                let outcome = try await keepsJobs ? throughput.run(load) : throughput.runWithoutJobs(load)
                found.add(load, outcome, prefix: keepsJobs ? ThroughputRounds.oneTable : "")
                try await pgBench.clear()
              }
            }
            found.add(load, try await measure(load, at: target, clock, round, rounds))
          }
          if let pid = coordinator.pid, let memory = ProcessFile.residentMegabytes(pid) { found.memory.append(memory) }
        }
        report.add(found, seesProcesses: true)
        for program in [yardsticks?.forgetful, yardsticks?.keeping, coordinator].compactMap({ $0 }) {
          try await fleet.stop(program)
        }
        return report
      }
    }
  }

  private func measure(
    _ load: Throughput.Load, at target: WireTarget, _ clock: CPUClock, _ round: Int, _ rounds: Int
  ) async throws -> Throughput.Outcome {
    let prefix = "round \(round) of \(rounds): \(load.connections) connections, batches of \(load.batch): "
    let measurement = Throughput(target: target, queue: queue, clock: clock) { progress(prefix + $0) }
    return try await measurement.run(load)
  }

  private func throughput(
    of yardstick: BenchProgram, _ clock: CPUClock, progress: @escaping @Sendable (String) -> Void
  ) throws -> Throughput {
    var clock = clock
    clock.coordinator = yardstick.pid
    return Throughput(
      target: try WireTarget(address: "http://127.0.0.1:\(yardstick.port)"), queue: queue, clock: clock,
      asksForNothing: false, progress: progress)
  }

  private func measure(
    _ pgBench: PgBench, batches: Set<Int>, scale: Double, into found: inout ThroughputRounds
  ) async throws {
    let sizes: [(work: PgBench.Work, batch: Int, jobs: Double)] = [
      (.submit, 1, 12_000), (.submit, 100, 100_000), (.submit, 1000, 160_000),
      (.work, 1, 5000), (.work, 100, 40_000), (.work, 1000, 48_000),
      (.cycle, 1, 4000), (.cycle, 100, 32_000),
    ]
    for size in sizes where batches.contains(size.batch) {
      let rate = try await pgBench.run(size.work, jobs: Int(size.jobs * scale), batch: size.batch)
      found.addPgBench(size.work, batch: size.batch, jobsPerSecond: rate)
    }
  }
}

extension BenchFleet {
  /// Forgets all jobs, so that one measurement does not pay for what another left, and writes out what is dirty.
  func clearJobs() async throws {
    try await database.query(
      "truncate jobs, attempts, checkpoints, job_logs, idempotency_keys; vacuum jobs, attempts; checkpoint")
  }
}
