import NIOPosix

/// A fleet of real workers under a steady load, for long: does anything grow?
///
/// Finished jobs are deleted soon, so that the database has as much to keep at the end as near the beginning. A few jobs
/// in a queue of their own are timed from their submission to their start.
struct Soak: Sendable {
  /// Timed jobs a second.
  static let probeRate = 20.0

  let fleet: BenchFleet
  let coordinator: BenchProgram
  let workers: [BenchProgram]
  let queue: String
  /// Jobs a second.
  let rate: Double
  let seconds: Double
  /// How often all is looked at.
  let sampleSeconds: Double
  let progress: @Sendable (String) -> Void

  /// What was seen at one moment.
  struct Sample: Sendable {
    /// Seconds since the beginning.
    var at: Double
    /// Jobs finished a second, since the sample before.
    var rate: Double
    /// Jobs that wait.
    var backlog: Double
    /// Megabytes.
    var coordinatorMemory: Double
    var workerMemory: Double
    /// Since the sample before, in cores.
    var cpu: CPUTimes
    var sizes: RelationSizes
  }

  struct Outcome: Sendable {
    var samples: [Sample] = []
    /// A window for each sample.
    var probe = StartLatency.Outcome(windows: [], windowSeconds: 1)
    var submitted = 0
    /// Jobs left when all should have been done.
    var left = 0
  }

  /// What comes of the things that are done at the same time.
  private enum Part: Sendable {
    case submitted(Int)
    case probed(StartLatency.Outcome)
    case sampled([Sample])
  }

  /// As fast as it goes, submitting and working at the same time.
  /// - Returns: jobs a second, from the first submission to the last end.
  func peak(jobs: Int) async throws -> Double {
    let target = try WireTarget(address: "http://127.0.0.1:\(coordinator.port)")
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let connections = 4
    let requests = WorkRequests(target: target, queue: queue, batch: 100)
    let share = jobs / connections / requests.batch * requests.batch
    _ = try await LoadGenerator.with(connections, to: target, clock: CPUClock(), on: loop) { generator in
      try await generator.run { _ in SubmitScript(requests, jobs: share) }
    }
    try await waitUntilDone(within: .seconds(600))
    let rate = try await fleet.database.value(
      """
      select count(*) / extract(epoch from max(finished_at) - min(created_at))
      from jobs where queue = '\(queue)' and status = 'done'
      """)
    return Double(rate) ?? .nan
  }

  func run() async throws -> Outcome {
    let target = try WireTarget(address: "http://127.0.0.1:\(coordinator.port)")
    let submission = SteadySubmission(target: target, queue: queue, rate: rate, seconds: seconds)
    let probe = StartLatency(
      target: target, queue: "\(queue)-probe", rate: Self.probeRate, seconds: seconds, workers: 4,
      windowSeconds: sampleSeconds)
    var outcome = Outcome()
    // The first that fails ends the others: nobody waits for an hour to hear of it.
    try await withThrowingTaskGroup(of: Part.self) { group in
      group.addTask { .submitted(try await submission.run()) }
      group.addTask { .probed(try await probe.run()) }
      group.addTask { .sampled(try await sample()) }
      for try await part in group {
        switch part {
        case .submitted(let count): outcome.submitted = count
        case .probed(let probed): outcome.probe = probed
        case .sampled(let samples): outcome.samples = samples
        }
      }
    }
    try? await waitUntilDone(within: .seconds(60))
    outcome.left = Int(try await fleet.database.value("select count(*) from jobs where finished_at is null")) ?? 0
    return outcome
  }

  private func sample() async throws -> [Sample] {
    var clock = CPUClock(coordinator: coordinator.pid, postgres: await fleet.postgres.pid)
    clock.workers = workers.compactMap(\.pid)
    let began = ContinuousClock.now
    var since = try await fleet.database.value("select now()")
    var (lastTime, lastCPU) = (0.0, clock.now())
    var samples: [Sample] = []
    for number in 1...max(1, Int(seconds / sampleSeconds)) {
      try await Task.sleep(until: began + .seconds(Double(number) * sampleSeconds))
      // Before anything that the sampling itself costs.
      let cpu = clock.now()
      let row = try await fleet.database.query(
        """
        select now(), (select count(*) / extract(epoch from now() - '\(since)') from jobs where finished_at > '\(since)'),
          (select count(*) from jobs where status = 'queued')
        """
      ).first
      guard let row, row.count == 3, let pid = coordinator.pid else { throw BenchError("the coordinator has ended") }
      let time = (ContinuousClock.now - began).inSeconds
      let sample = Sample(
        at: time, rate: Double(row[1]) ?? .nan, backlog: Double(row[2]) ?? .nan,
        coordinatorMemory: ProcessFile.residentMegabytes(pid) ?? .nan,
        workerMemory: workers.compactMap { $0.pid.flatMap(ProcessFile.residentMegabytes) }.reduce(0, +),
        cpu: (cpu - lastCPU) / (time - lastTime), sizes: try await RelationSizes.read(from: fleet.database))
      (since, lastTime, lastCPU) = (row[0], time, cpu)
      samples.append(sample)
      progress(
        "\(Int(time)) s: \(Int(sample.rate)) jobs/s, \(Int(sample.backlog)) waiting, coordinator "
          + "\(Int(sample.coordinatorMemory)) MB, tables \(Int(sample.sizes.tableMegabytes)) MB, indexes "
          + "\(Int(sample.sizes.indexMegabytes)) MB")
    }
    return samples
  }

  private func waitUntilDone(within limit: Duration) async throws {
    try await waitUntil("the end of the backlog", within: limit, looking: .milliseconds(250)) {
      try await fleet.database.value(
        "select exists (select from jobs where status = 'queued') or exists (select from attempts where outcome is null)"
      ) == "f"
    }
  }
}
