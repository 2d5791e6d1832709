extension BenchReport {
  mutating func add(_ outcomes: [StartLatency.Outcome], rate: Double) {
    let parameters = [(name: "rate", value: Int(rate))]
    let starts = outcomes.map { Samples($0.submitToStart) }
    measurements += [
      Measurement(
        "latency.submit_to_start", parameters, unit: "ms", Samples(outcomes.flatMap(\.submitToStart))),
      Measurement(
        "latency.submit_to_answer", parameters, unit: "ms", Samples(outcomes.flatMap(\.submitToAnswer))),
      Measurement("latency.submit_to_start.median_of_round", parameters, unit: "ms", Samples(starts.map(\.median))),
      Measurement(
        "latency.submit_to_start.p99_of_round", parameters, unit: "ms", Samples(starts.map { $0.percentile(0.99) })),
    ]
    for (party, cost) in [
      ("bench", \CPUTimes.bench), ("coordinator", \CPUTimes.coordinator), ("postgres", \CPUTimes.postgres),
    ] {
      let costs = outcomes.map { $0.cpu[keyPath: cost] / Double($0.submitToStart.count) * 1e6 }
      // Zero where the process cannot be seen.
      guard costs.contains(where: { $0 > 0 }) else { continue }
      measurements.append(Measurement("latency.cpu.\(party)", parameters, unit: "us/job", Samples(costs)))
    }
    guard rate == 200 else { return }
    goals += [
      Goal(
        "submit to start at 200 jobs/s, median", .below(3), measured: Samples(starts.map(\.median)).median, unit: "ms"),
      Goal(
        "submit to start at 200 jobs/s, p99", .below(15),
        measured: Samples(starts.map { $0.percentile(0.99) }).median, unit: "ms"),
    ]
  }

  mutating func add(heartbeats results: [LoadResult], leases: Int, seesProcesses: Bool) {
    let parameters = [(name: "leases", value: leases)]
    func cost(_ party: KeyPath<CPUTimes, Double>) -> Samples {
      Samples(results.map { $0.cpu[keyPath: party] / Double($0.jobs) * 1e6 })
    }
    measurements += [
      Measurement("heartbeats.renewals", parameters, unit: "leases/s", Samples(results.map(\.jobsPerSecond))),
      Measurement("heartbeats.request_latency", parameters, unit: "ms", Samples(results.flatMap(\.latencies))),
      Measurement("heartbeats.cpu.bench", parameters, unit: "us/lease", cost(\.bench)),
    ]
    guard seesProcesses else { return }
    measurements += [
      Measurement("heartbeats.cpu.coordinator", parameters, unit: "us/lease", cost(\.coordinator)),
      Measurement("heartbeats.cpu.postgres", parameters, unit: "us/lease", cost(\.postgres)),
    ]
    let shares = results.map { ($0.cpu.coordinator + $0.cpu.postgres) / Double($0.jobs) * 100_000 / 10 }
    goals.append(
      Goal(
        "100,000 leases renewed every 10 s, database included", .below(1), measured: Samples(shares).median,
        unit: "cores"))
  }

  mutating func add(
    _ outcomes: [BurnDown.Outcome], yardstick: [Double], parameters: [(name: String, value: Int)]
  ) {
    let jobs = Double(parameters.first { $0.name == "jobs" }?.value ?? 1)
    let rates = outcomes.map(\.jobsPerSecond)
    measurements += [
      Measurement("burndown", parameters, unit: "jobs/s", Samples(rates)),
      Measurement("yardstick.pgbench.work", [("batch", 100)], unit: "jobs/s", Samples(yardstick)),
    ]
    for (name, party) in [
      ("bench", \CPUTimes.bench), ("coordinator", \CPUTimes.coordinator), ("postgres", \CPUTimes.postgres),
      ("workers", \CPUTimes.workers),
    ] {
      measurements.append(
        Measurement(
          "burndown.cpu.\(name)", parameters, unit: "us/job",
          Samples(outcomes.map { $0.cpu[keyPath: party] / jobs * 1e6 })))
    }
    measurements += [
      Measurement("burndown.memory.coordinator", parameters, unit: "MB", Samples(outcomes.map(\.coordinatorMemory))),
      Measurement("burndown.memory.workers", parameters, unit: "MB", Samples(outcomes.map(\.workerMemory))),
    ]
    guard parameters.contains(where: { $0.name == "job_us" && $0.value == 0 }) else { return }
    goals.append(
      Goal(
        "burn-down by real workers", .atLeast(0.5), measured: Samples(zip(rates, yardstick).map { $0 / $1 }).median,
        unit: "of pgbench in batches of 100"))
  }

  mutating func add(_ outcome: WaitingWorkers.Outcome, workers: Int) {
    let parameters = [(name: "workers", value: workers)]
    let each = (outcome.megabytes - outcome.megabytesBefore) * 1024 / Double(workers)
    measurements += [
      Measurement("waiting.memory.before", parameters, unit: "MB", Samples([outcome.megabytesBefore])),
      Measurement("waiting.memory", parameters, unit: "MB", Samples([outcome.megabytes])),
      Measurement("waiting.memory.each", parameters, unit: "kB", Samples([each])),
      Measurement("waiting.idle", parameters, unit: "cores", Samples([outcome.idle.coordinator])),
      Measurement("waiting.idle.postgres", parameters, unit: "cores", Samples([outcome.idle.postgres])),
      Measurement("waiting.idle.bench", parameters, unit: "cores", Samples([outcome.idle.bench])),
      Measurement("waiting.heartbeats", parameters, unit: "cores", Samples([outcome.heartbeats.coordinator])),
      Measurement("waiting.heartbeats.postgres", parameters, unit: "cores", Samples([outcome.heartbeats.postgres])),
      Measurement("waiting.heartbeats.bench", parameters, unit: "cores", Samples([outcome.heartbeats.bench])),
    ]
    guard workers >= 10_000 else { return }
    goals += [
      Goal("10,000 waiting workers, the coordinator's memory", .below(300), measured: outcome.megabytes, unit: "MB"),
      Goal(
        "10,000 waiting workers, the idle coordinator", .below(0.1), measured: outcome.idle.coordinator, unit: "cores"),
    ]
  }
}
