extension Bench {
  /// What a lease costs with many queued and finished jobs in the database, beside what it costs with 1,000 queued ones.
  /// Needs a private fleet, and room on the disk: about a kilobyte a job.
  ///
  /// - Parameters:
  ///   - rounds: How often each is measured, at each size.
  ///   - queued: Jobs that wait in one queue in the end; a quarter as many wait in others.
  ///   - finished: Finished jobs in the end.
  ///   - steps: How many sizes are measured; each is ten times the one before.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func scale(rounds: Int, queued: Int, finished: Int, steps: Int) async throws -> BenchReport {
    try await scale(rounds: rounds, queued: queued, finished: finished, steps: steps, jobs: 500)
  }

  /// - Parameter jobs: Leased at a time.
  func scale(rounds: Int, queued: Int, finished: Int, steps: Int, jobs: Int) async throws -> BenchReport {
    guard case .privateFleet(let programs) = subject else { throw BenchError.needsPrivateFleet }
    return try await BenchFleet.with(programs) { fleet in
      var report = BenchReport(setting: try await Setting.of(fleet))
      let large = try await fleet.another("bench_large")
      // Its coordinator makes the tables, and must be gone while they are filled.
      try await fleet.stop(try await fleet.startCoordinator(on: large))
      let few = try await fleet.startCoordinator(on: fleet.database)
      let small = try await subject(few, fleet, on: fleet.database)

      var found = LeaseScaleRounds()
      var size: Backlog.Size?
      for step in Self.sizes(queued: queued, finished: finished, steps: steps) {
        let backlog = self.backlog(on: large)
        let seconds = try await ContinuousClock().measure { try await backlog.grow(from: size, to: step) }.inSeconds
        progress("filled in \(Int(seconds)) s")
        size = step
        let many = try await fleet.startCoordinator(on: large)
        let scale = LeaseScale(
          small: small, large: try await subject(many, fleet, on: large), worker: "\(queue)-worker",
          jobs: jobs)
        let outcomes = try await scale.run(rounds: rounds) { round in
          let what = "\(step.queued) queued, \(step.finished) finished: "
          progress(what + (round == 0 ? "warming up" : "round \(round) of \(rounds)"))
        }
        found.add(step, outcomes, sizes: try await RelationSizes.read(from: large))
        try await fleet.stop(many)
      }
      report.add(found)
      try await fleet.stop(few)
      return report
    }
  }

  /// The last one as was asked, each before it a tenth of the next, as far as there is anything to measure.
  static func sizes(queued: Int, finished: Int, steps: Int) -> [Backlog.Size] {
    var sizes = [Backlog.Size(queued: queued, finished: finished)]
    while sizes.count < steps, let next = sizes.first, next.queued / 10 >= 10 * LeaseScale.smallSize.queued {
      sizes.insert(Backlog.Size(queued: next.queued / 10, finished: next.finished / 10), at: 0)
    }
    return sizes
  }

  private func backlog(on database: BenchDatabase) -> Backlog {
    Backlog(database: database, queue: queue) { progress($0) }
  }

  private func subject(
    _ coordinator: BenchProgram, _ fleet: BenchFleet, on database: BenchDatabase
  ) async throws -> LeaseScale.Subject {
    LeaseScale.Subject(
      backlog: backlog(on: database), target: try WireTarget(address: "http://127.0.0.1:\(coordinator.port)"),
      clock: CPUClock(coordinator: coordinator.pid, postgres: await fleet.postgres.pid))
  }
}

extension BenchFleet {
  /// Another database on the same server.
  fileprivate func another(_ name: String) async throws -> BenchDatabase {
    try await postgres.createDatabase(name)
    return BenchDatabase(url: await postgres.url(database: name), binaries: database.binaries)
  }

  /// The benchmark does not renew its leases.
  fileprivate func startCoordinator(on database: BenchDatabase) async throws -> BenchProgram {
    try await startCoordinator(leaseSeconds: 600, environment: ["DATABASE_URL": database.url])
  }
}
