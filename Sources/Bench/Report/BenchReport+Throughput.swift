/// What the rounds of a throughput benchmark found, until they are made into a report.
struct ThroughputRounds: Sendable {
  struct Key: Hashable, Sendable {
    var step: String
    var connections: Int
    var batch: Int
  }

  /// What the steps of the plain job queue begin with.
  static let oneTable = "one_table_"

  private(set) var order: [Key] = []
  private var results: [Key: [LoadResult]] = [:]
  private var pgBench: [Key: [Double]] = [:]
  private(set) var pgBenchOrder: [Key] = []
  /// Megabytes of the coordinator's memory after each round.
  var memory: [Double] = []

  /// - Parameter prefix: Before the names of its steps.
  mutating func add(_ load: Throughput.Load, _ outcome: Throughput.Outcome, prefix: String = "") {
    for (step, result) in outcome.steps {
      let key = Key(step: prefix + step, connections: load.connections, batch: load.batch)
      if results[key] == nil { order.append(key) }
      results[key, default: []].append(result)
    }
  }

  mutating func addPgBench(_ work: PgBench.Work, batch: Int, jobsPerSecond: Double) {
    let key = Key(step: work.rawValue, connections: 0, batch: batch)
    if pgBench[key] == nil { pgBenchOrder.append(key) }
    pgBench[key, default: []].append(jobsPerSecond)
  }

  /// Baton's rate as a part of the plain job queue's in the same round; empty where that was not measured.
  func ratiosToOneTable(_ key: Key) -> Samples {
    var other = key
    other.step = Self.oneTable + key.step
    return Samples(zip(rates(key), rates(other)).map { $0 / $1 })
  }

  func rates(_ key: Key) -> [Double] { (results[key] ?? []).map(\.jobsPerSecond) }

  func latencies(_ key: Key) -> [Double] { (results[key] ?? []).flatMap(\.latencies) }

  /// Microseconds of processor time a job, round by round.
  func cost(_ key: Key, of party: KeyPath<CPUTimes, Double>) -> [Double] {
    (results[key] ?? []).map { $0.cpu[keyPath: party] / Double($0.jobs) * 1e6 }
  }

  func pgBench(_ work: PgBench.Work, batch: Int) -> [Double] {
    pgBench[Key(step: work.rawValue, connections: 0, batch: batch)] ?? []
  }

  /// Baton's rate as a part of `pgbench`'s in the same round.
  func ratios(_ step: PgBench.Work, connections: Int, batch: Int) -> Samples {
    let rates = rates(Key(step: step.rawValue, connections: connections, batch: batch))
    return Samples(zip(rates, pgBench(step, batch: batch)).map { $0 / $1 })
  }
}

extension BenchReport {
  /// - Parameter seesProcesses: Whether the processor time of coordinator and database is known.
  mutating func add(_ rounds: ThroughputRounds, seesProcesses: Bool) {
    for key in rounds.order {
      let parameters = [(name: "connections", value: key.connections), (name: "batch", value: key.batch)]
      let name = "throughput.\(key.step)"
      measurements.append(Measurement(name, parameters, unit: "jobs/s", Samples(rounds.rates(key))))
      let ratios = rounds.ratiosToOneTable(key)
      if ratios.count > 0 {
        measurements.append(Measurement("\(name).of_one_table", parameters, unit: "times", ratios))
      }
      measurements.append(
        Measurement("\(name).request_latency", parameters, unit: "ms", Samples(rounds.latencies(key))))
      measurements.append(
        Measurement("\(name).cpu.bench", parameters, unit: "us/job", Samples(rounds.cost(key, of: \.bench))))
      guard seesProcesses else { continue }
      measurements.append(
        Measurement("\(name).cpu.coordinator", parameters, unit: "us/job", Samples(rounds.cost(key, of: \.coordinator)))
      )
      measurements.append(
        Measurement("\(name).cpu.postgres", parameters, unit: "us/job", Samples(rounds.cost(key, of: \.postgres))))
    }
    for key in rounds.pgBenchOrder {
      guard let work = PgBench.Work(rawValue: key.step) else { continue }
      measurements.append(
        Measurement(
          "yardstick.pgbench.\(key.step)", [("batch", key.batch)], unit: "jobs/s",
          Samples(rounds.pgBench(work, batch: key.batch))))
    }
    if !rounds.memory.isEmpty {
      measurements.append(Measurement("throughput.coordinator_memory", unit: "MB", Samples(rounds.memory)))
    }
    goals += Self.throughputGoals(rounds, seesProcesses: seesProcesses)
  }

  private static func throughputGoals(_ rounds: ThroughputRounds, seesProcesses: Bool) -> [Goal] {
    var goals: [Goal] = []
    func ratio(_ what: String, _ step: PgBench.Work, _ connections: [Int], batch: Int, atLeast bound: Double) {
      let best = connections.map { rounds.ratios(step, connections: $0, batch: batch).median }.max { $0 < $1 }
      guard let best, !best.isNaN else { return }
      goals.append(Goal(what, .atLeast(bound), measured: best, unit: "of pgbench"))
    }
    ratio("submit, single, 64 connections", .submit, [64], batch: 1, atLeast: 1)
    ratio("submit, single, 256 connections", .submit, [256], batch: 1, atLeast: 1.3)
    ratio("submit, batches of 1000", .submit, [1, 8], batch: 1000, atLeast: 0.6)
    ratio("lease + settle, single, 64 connections", .work, [64], batch: 1, atLeast: 1.5)
    guard seesProcesses else { return goals }
    func cost(_ what: String, connections: Int, batch: Int, below bound: Double) {
      let key = ThroughputRounds.Key(step: "cycle", connections: connections, batch: batch)
      let cost = Samples(rounds.cost(key, of: \.coordinator)).median
      if !cost.isNaN { goals.append(Goal(what, .below(bound), measured: cost, unit: "us/job")) }
    }
    cost("coordinator's cost of a cycle in batches of 100", connections: 8, batch: 100, below: 40)
    cost("coordinator's cost of a cycle, every step a request", connections: 64, batch: 1, below: 250)
    return goals
  }
}

extension BenchReport {
  /// What a throughput benchmark says of one step of one load, in one piece.
  public struct ThroughputRow: Sendable {
    public var step: String
    public var connections: Int
    public var batch: Int
    /// Jobs a second, a sample a round.
    public var rate: Samples
    /// Milliseconds a request, over all rounds.
    public var latency: Samples
    /// Microseconds of processor time a job, the median of the rounds; NaN where it is not known.
    public var benchCost: Double
    public var coordinatorCost: Double
    public var postgresCost: Double
  }

  private static let prefix = "throughput."

  /// The steps of all loads, in the order in which they were measured.
  public var throughput: [ThroughputRow] {
    measurements.filter { $0.name.hasPrefix(Self.prefix) && $0.unit == "jobs/s" }.map { measurement in
      func samples(_ part: String) -> Samples {
        self.measurement("\(measurement.name).\(part)", measurement.parameters)?.samples ?? Samples([])
      }
      return ThroughputRow(
        step: String(measurement.name.dropFirst(Self.prefix.count)),
        connections: measurement.parameters.first { $0.name == "connections" }?.value ?? 0,
        batch: measurement.parameters.first { $0.name == "batch" }?.value ?? 0, rate: measurement.samples,
        latency: samples("request_latency"), benchCost: samples("cpu.bench").median,
        coordinatorCost: samples("cpu.coordinator").median, postgresCost: samples("cpu.postgres").median)
    }
  }

  /// What is not in ``throughput``.
  public var otherMeasurements: [Measurement] {
    measurements.filter { !$0.name.hasPrefix(Self.prefix) || $0.parameters.isEmpty }
  }
}
