import BatonBench

/// A benchmark's report for people.
enum BenchTables {
  static func show(_ report: BenchReport, _ surroundings: Surroundings) {
    surroundings.output.line(report.setting.map { "\($0.name) \($0.value)" }.joined(separator: " · "))
    surroundings.output.line("")
    if !report.throughput.isEmpty {
      surroundings.show(throughput(report))
      surroundings.output.line("")
    }
    surroundings.show(measurements(report))
    guard !report.goals.isEmpty else { return }
    surroundings.output.line("")
    surroundings.show(goals(report))
  }

  /// A row a step of a load; medians.
  static func throughput(_ report: BenchReport) -> Table {
    var table = Table([
      .init(heading: "STEP"), .init(heading: "CONNECTIONS", right: true), .init(heading: "BATCH", right: true),
      .init(heading: "JOBS/S", right: true), .init(heading: "FROM", right: true), .init(heading: "TO", right: true),
      .init(heading: "REQUEST MS", right: true), .init(heading: "P99", right: true),
      .init(heading: "CPU US/JOB: BENCH", right: true), .init(heading: "COORDINATOR", right: true),
      .init(heading: "POSTGRES", right: true),
    ])
    for row in report.throughput {
      table.append(
        .init(row.step), .init("\(row.connections)"), .init("\(row.batch)"), .init(number(row.rate.median)),
        .init(number(row.rate.minimum)), .init(number(row.rate.maximum)), .init(number(row.latency.median)),
        .init(number(row.latency.percentile(0.99))), .init(number(row.benchCost)),
        .init(number(row.coordinatorCost)), .init(number(row.postgresCost)))
    }
    return table
  }

  static func measurements(_ report: BenchReport) -> Table {
    var table = Table([
      .init(heading: "MEASURED"), .init(heading: "UNIT"), .init(heading: "COUNT", right: true),
      .init(heading: "MIN", right: true), .init(heading: "MEDIAN", right: true), .init(heading: "P99", right: true),
      .init(heading: "MAX", right: true),
    ])
    for measurement in report.otherMeasurements {
      let samples = measurement.samples
      let words = [measurement.name] + measurement.parameters.map { "\($0.name)=\($0.value)" }
      table.append(
        .init(words.joined(separator: " ")), .init(measurement.unit), .init("\(samples.count)"),
        .init(number(samples.minimum)), .init(number(samples.median)), .init(number(samples.percentile(0.99))),
        .init(number(samples.maximum)))
    }
    return table
  }

  static func goals(_ report: BenchReport) -> Table {
    var table = Table([
      .init(heading: "GOAL"), .init(heading: "WANTED", right: true), .init(heading: "MEASURED", right: true),
      .init(heading: "UNIT"), .init(heading: ""),
    ])
    for goal in report.goals {
      let wanted =
        switch goal.bound {
        case .below(let limit): "< \(number(limit))"
        case .atLeast(let limit): "≥ \(number(limit))"
        }
      table.append(
        .init(goal.what), .init(wanted), .init(number(goal.measured)), .init(goal.unit),
        goal.isMet ? .init("met", .green) : .init("missed", .red))
    }
    return table
  }

  /// With as many digits as say something.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    if abs(value) >= 1000 || value == value.rounded() { return "\(Int(value.rounded()))" }
    let decimals = abs(value) >= 100 ? 1.0 : abs(value) >= 1 ? 2 : 3
    var scale = 1.0
    for _ in 0..<Int(decimals) { scale *= 10 }
    return "\((value * scale).rounded() / scale)"
  }
}
