/// What became of a drill with very many jobs.
public struct StreamVerdict: DrillVerdict {
  /// A fault, and the rate on either side of it.
  struct Row: Sendable, Equatable {
    var fault: String
    var evidence: String
    var lasted: Double
    /// Seconds from the end of the fault until the former rate is reached; nil if it was not.
    var recovery: Double?
    /// Jobs done in a second.
    var before: Double
    var after: Double
  }

  /// How often one of many faults happened.
  struct Times: Sendable, Equatable {
    var count = 0
    /// All of them together.
    var seconds = 0.0
    /// How often it could not be had, in the middle of another fault for example.
    var skipped = 0
  }

  var counts: StreamLedger.Counts
  /// Attempts by outcome.
  var outcomes: [String: Int]
  var rows: [Row] = []
  var mixed: [String: Times] = [:]
  var ends = ProgramEnds()
  /// From the first submission to the last end.
  var seconds = 0.0
  /// Jobs done in a second, all the time.
  var rate = 0.0
  var lateness = 0.0
  /// What must not be. Empty for a drill that shows what it is to show.
  public internal(set) var violations: [String] = []
  /// What would be a violation had the machine not been measurably late just then.
  public internal(set) var remarks: [String] = []

  init(counts: StreamLedger.Counts, outcomes: [String: Int] = [:]) {
    self.counts = counts
    self.outcomes = outcomes
  }

  /// The figures, as Markdown tables that can be read as they stand.
  public func report() -> [String] {
    var jobs = TextTable("jobs", "accepted", "done", "failed", "lost", "double-settled", "without a receipt")
    jobs.append(
      "", "\(counts.accepted)", "\(counts.done)", "\(counts.failed)", "\(counts.lost)", "\(counts.doubleSettled)",
      "\(counts.beyond)")
    var lines = jobs.lines + [""]
    if !rows.isEmpty {
      var table = TextTable("fault", "lasted s", "recovery s", "jobs/s before", "jobs/s after", "after/before %")
      for row in rows {
        table.append(
          row.fault, tenths(row.lasted), row.recovery.map(tenths) ?? "–", tenths(row.before), tenths(row.after),
          tenths(row.after / row.before * 100))
      }
      lines += table.lines + [""]
    }
    if !mixed.isEmpty {
      var table = TextTable("fault", "times", "seconds together", "not to be had")
      for (name, times) in mixed.sorted(by: { $0.key < $1.key }) {
        table.append(name, "\(times.count)", tenths(times.seconds), "\(times.skipped)")
      }
      let all = mixed.values
      table.append(
        "all", "\(all.reduce(0) { $0 + $1.count })", tenths(all.reduce(0) { $0 + $1.seconds }),
        "\(all.reduce(0) { $0 + $1.skipped })")
      lines += table.lines + [""]
    }
    let attempts = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    lines.append(
      "\(counts.attempts) attempts (\(attempts)). In \(tenths(seconds)) s, \(tenths(rate)) jobs/s over all of it. "
        + "\(ends). The machine was late by up to \(tenths(lateness)) s.")
    if !rows.isEmpty {
      lines += ["", "What happened:"] + rows.map { "- \($0.fault): \($0.evidence)" }
    }
    for (title, texts) in [("Remarks", remarks), ("VIOLATIONS", violations)] where !texts.isEmpty {
      lines += ["", "\(title):"] + texts.map { "- \($0)" }
    }
    return lines
  }
}
