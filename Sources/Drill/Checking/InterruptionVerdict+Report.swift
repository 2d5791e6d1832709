extension InterruptionVerdict {
  /// The figures, as Markdown tables that can be read as they stand.
  public func report() -> [String] {
    var jobs = TextTable("jobs", "submitted", "done", "failed", "lost", "double-settled")
    jobs.append("", "\(submitted)", "\(done)", "\(failed)", "\(lost)", "\(doubleSettled)")
    var faults = TextTable("faults", "count")
    for kind in FaultKind.allCases { if let count = self.faults[kind] { faults.append(kind.rawValue, "\(count)") } }
    faults.append("all", "\(self.faults.values.reduce(0, +))")
    var attempts = TextTable("attempts by outcome", "count")
    for (outcome, count) in self.attempts.sorted(by: { $0.key < $1.key }) { attempts.append(outcome, "\(count)") }
    var lines: [String] = []
    for table in [jobs, faults, attempts, redoneTable, timeTable] { lines += table.lines + [""] }
    lines.append(
      "\(workers) workers in \(minutes(seconds)); \(overdue) of those that were told to go were still there when their "
        + "time was over. \(leases). Steps that suspended programs did after waking: \(stepsAfterWaking). The machine was late by up "
        + "to \(tenths(lateness)) s.")
    for (title, texts) in [("Remarks", remarks), ("VIOLATIONS", violations)] where !texts.isEmpty {
      lines += ["", "\(title):"] + texts.map { "- \($0)" }
    }
    return lines
  }

  private var redoneTable: TextTable {
    var table = TextTable(
      "work done again, per job in flight", "attempts cut short", "steps, mean", "steps, max", "intervals, max",
      "seconds, mean", "seconds, max")
    for cause in InterruptionCheck.Cause.allCases {
      guard let redone = redone[cause], !redone.isEmpty else { continue }
      let count = Double(redone.count)
      table.append(
        cause.rawValue, "\(redone.count)", hundredths(redone.reduce(0) { $0 + Double($1.steps) } / count),
        "\(redone.map(\.steps).max() ?? 0)", hundredths(redone.map(\.intervals).max() ?? 0),
        hundredths(redone.reduce(0) { $0 + $1.seconds } / count), hundredths(redone.map(\.seconds).max() ?? 0))
    }
    return table
  }

  private var timeTable: TextTable {
    var table = TextTable("seconds", "count", "median", "p99", "max")
    for (name, values) in [
      ("from a notice to the drain", noticeDelays), ("left when the worker had gone", sparedSeconds),
      ("from hand-back to the next attempt", handoverGaps), ("from SIGKILL to the next attempt", killGaps),
      ("from a silent worker's lease to its end", reapings),
    ] {
      guard !values.isEmpty else { continue }
      let sorted = values.sorted()
      table.append(
        name, "\(sorted.count)", thousandths(quantile(sorted, 0.5)), thousandths(quantile(sorted, 0.99)),
        thousandths(sorted[sorted.count - 1]))
    }
    return table
  }

  private func quantile(_ sorted: [Double], _ part: Double) -> Double {
    sorted[min(sorted.count - 1, Int((Double(sorted.count) * part).rounded(.up)) - 1)]
  }

  private func minutes(_ seconds: Double) -> String { "\(Int(seconds) / 60) min \(Int(seconds) % 60) s" }
  private func hundredths(_ value: Double) -> String { fixed(value, digits: 2) }
  private func thousandths(_ value: Double) -> String { fixed(value, digits: 3) }

  private func fixed(_ value: Double, digits: Int) -> String {
    let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int((value * Double(scale)).rounded())
    let fraction = String(scaled.magnitude % UInt(scale))
    return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt(scale))."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}

/// A Markdown table whose columns stand in line.
struct TextTable: Sendable {
  private var rows: [[String]]

  init(_ headings: String...) { rows = [headings] }

  mutating func append(_ cells: String...) { rows.append(cells) }

  var lines: [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.map { row in
      "| "
        + row.enumerated().map { column, cell in
          let space = String(repeating: " ", count: widths[column] - cell.count)
          return column == 0 ? cell + space : space + cell
        }.joined(separator: " | ") + " |"
    }
    let rule = widths.enumerated().map {
      $0 == 0 ? String(repeating: "-", count: $1) : String(repeating: "-", count: $1 - 1) + ":"
    }
    lines.insert("| " + rule.joined(separator: " | ") + " |", at: 1)
    return lines
  }
}
