/// Judges the history of a fault drill. A pure function of the history.
struct FaultCheck: Sendable {
  /// The rate is measured over so many seconds.
  static let window = 2.0
  /// Back at the former rate is what reaches this part of it.
  static let share = 0.95
  /// The rate afterwards is measured over so many seconds.
  static let after = 5.0
  /// A machine that was late by more than this, just then, excuses a slow recovery, in seconds.
  static let excuseSeconds = 1.0

  private struct Window {
    let fault: any Fault
    var before: Double
    var begun: Double?
    var passed: Double?
    var evidence = ""
    var over: Double?
    var skipped: String?
  }

  private let base: InterruptionCheck
  private let history: [HistoryEntry]
  private let faults: [any Fault]
  private let forgivesSlowness: Bool
  /// When workers were told that a job is done.
  private let dones: [Double]
  /// When jobs were accepted.
  private let accepted: [Int: Double]

  /// - Parameter forgivesSlowness: Whether a recovery that took too long, but came, is a remark only: where the drill is one
  ///   of many things that a machine does, its speed says nothing.
  init(history: [HistoryEntry], faults: [any Fault], forgivesSlowness: Bool = false) {
    self.history = history
    self.faults = faults
    self.forgivesSlowness = forgivesSlowness
    base = InterruptionCheck(history: history)
    dones = history.compactMap { entry in
      if case .told(_, _, _, "done") = entry.event { entry.at } else { nil }
    }.sorted()
    accepted = history.reduce(into: [:]) { accepted, entry in
      if case .accepted(let job, _) = entry.event { accepted[job.index] = entry.at }
    }
  }

  func verdict() -> FaultVerdict {
    var verdict = FaultVerdict()
    verdict.lateness = base.lateness.greatest
    let windows = windows()
    var jobs = FaultVerdict.Jobs()
    var byFault: [String: FaultVerdict.Jobs] = [:]
    for (index, at) in accepted.sorted(by: { $0.key < $1.key }) {
      let window = windows.last { $0.before <= at } ?? windows.first
      let judged = judge(index, windows, &verdict)
      jobs.add(judged)
      if let name = window?.fault.name { byFault[name, default: .init()].add(judged) }
    }
    verdict.jobs = jobs
    for window in windows { verdict.rows.append(row(window, byFault[window.fault.name] ?? .init(), &verdict)) }
    for fault in faults where !windows.contains(where: { $0.fault.name == fault.name }) {
      verdict.violations.append("\(fault.name) was never begun")
    }
    return verdict
  }

  private func windows() -> [Window] {
    var windows: [Window] = []
    for entry in history {
      guard case .phase(let name, let phase) = entry.event, let fault = faults.first(where: { $0.name == name }) else {
        continue
      }
      if phase == .before { windows.append(Window(fault: fault, before: entry.at)) }
      guard let last = windows.indices.last else { continue }
      switch phase {
      case .before: break
      case .begun: windows[last].begun = entry.at
      case .passed(let evidence):
        windows[last].passed = entry.at
        windows[last].evidence = evidence
      case .over: windows[last].over = entry.at
      case .skipped(let reason): windows[last].skipped = reason
      }
    }
    return windows
  }

  // MARK: Jobs

  /// Whether a job that was accepted came to exactly one good end.
  private func judge(_ index: Int, _ windows: [Window], _ verdict: inout FaultVerdict) -> FaultVerdict.Jobs {
    var jobs = FaultVerdict.Jobs()
    jobs.accepted = 1
    guard let ending = base.endings[index] else {
      jobs.lost = 1
      verdict.violations.append("job \(index) is lost: nothing is known of it in the end")
      return jobs
    }
    switch ending.status {
    case "done": jobs.done = 1
    case "failed", "cancelled":
      jobs.failed = 1
      verdict.violations.append("job \(index) is \(ending.status)")
    default:
      jobs.lost = 1
      verdict.violations.append("job \(index) is lost: it is '\(ending.status)' in the end")
    }
    let recorded = ending.attempts.filter { $0.outcome == "done" }.map(\.number)
    let told = Set((base.words[ending.id] ?? []).filter { $0.word == "done" }.map(\.attempt))
    if recorded.count > 1 || told.count > 1 || !told.isSubset(of: recorded) {
      jobs.doubleSettled = 1
      verdict.violations.append(
        "job \(index) was settled as done in the attempts \(recorded) by the record, and in \(told.sorted()) by what "
          + "workers were told")
    } else if ending.status == "done", recorded.isEmpty {
      verdict.violations.append("job \(index) is done, but none of its attempts is")
    }
    for attempt in ending.attempts {
      verdict.attempts[attempt.outcome ?? "open", default: 0] += 1
      let isBad = !["done", "interrupted", "released", "lost"].contains(attempt.outcome)
      if isBad, !mayFail(attempt, windows) {
        verdict.violations.append(
          "attempt \(attempt.number) of job \(index) is '\(attempt.outcome ?? "open")' in the end")
      }
    }
    judgeWork(index, ending, &verdict)
    return jobs
  }

  private func mayFail(_ attempt: JobEnding.Attempt, _ windows: [Window]) -> Bool {
    guard attempt.outcome == "failed", let end = attempt.endedAt else { return false }
    return windows.contains { window in
      window.fault.failsAttempts && end >= window.begun ?? .infinity && end <= window.over ?? .infinity
    }
  }

  /// Whether the program of a job was worked from its first step to its last, and by one at a time.
  private func judgeWork(_ index: Int, _ ending: JobEnding, _ verdict: inout FaultVerdict) {
    guard let job = base.jobs[index], job.kind == .exec else { return }
    let runs = base.runs[index] ?? []
    if ending.status == "done" {
      let executed = Set(runs.flatMap { $0.steps.map(\.number) })
      if let missing = (1...job.steps).first(where: { !executed.contains($0) }) {
        verdict.violations.append("job \(index) is done, but its step \(missing) was never executed")
      }
    }
    for (run, next) in zip(runs, runs.dropFirst()) {
      guard let start = next.startedAt, let last = run.steps.last?.at, last > start else { continue }
      let woke = base.workers[run.worker]?.suspensions.last { $0.until <= last }?.until
      if let woke, last <= woke + 1 + 3 * base.lateness.greatest(from: last - 5, to: last) { continue }
      verdict.violations.append(
        "attempts \(run.attempt) and \(next.attempt) of job \(index) worked at the same time, for "
          + "\(tenths(last - start)) s")
    }
  }

  // MARK: Rates

  private func rate(from start: Double, to end: Double) -> Double {
    Double(dones.count { $0 >= start && $0 < end }) / max(0.001, end - start)
  }

  private func row(
    _ window: Window, _ jobs: FaultVerdict.Jobs, _ verdict: inout FaultVerdict
  ) -> FaultVerdict.Row {
    let name = window.fault.name
    var row = FaultVerdict.Row(fault: name, summary: window.fault.summary, jobs: jobs)
    if let reason = window.skipped {
      row.skipped = reason
      let text = "\(name) is left out: \(reason)"
      if reason == "it did not happen" { verdict.violations.append(text) } else { verdict.remarks.append(text) }
      return row
    }
    guard let begun = window.begun, let passed = window.passed, let over = window.over else {
      verdict.violations.append("\(name) did not come to its end")
      return row
    }
    row.evidence = window.evidence
    row.lasted = passed - begun
    // Where a backlog is still being worked off, more is done than comes in: that is not the rate to come back to.
    let coming = Double(accepted.values.count { $0 >= window.before && $0 < begun }) / max(0.001, begun - window.before)
    row.before = min(rate(from: window.before, to: begun), coming)
    guard row.before > 0 else {
      verdict.violations.append("nothing was done before \(name)")
      return row
    }
    row.recovery = recovery(passed: passed, over: over, former: row.before)
    let limit = window.fault.recoveryLimit
    if let recovery = row.recovery {
      row.after = rate(from: passed + recovery, to: over)
    }
    if row.recovery.map({ $0 > limit }) ?? true {
      let late = base.lateness.greatest(from: passed, to: passed + limit)
      let text =
        "\(name): the former rate was reached "
        + (row.recovery.map { "\(tenths($0)) s after the fault had passed" } ?? "no more")
        + ", not within \(tenths(limit)) s"
      // A machine that is late excuses slowness; it does not excuse a rate that never comes back.
      if late > Self.excuseSeconds, row.recovery != nil {
        verdict.remarks.append(text + "; the machine was late by up to \(tenths(late)) s")
      } else if forgivesSlowness, row.recovery != nil {
        verdict.remarks.append(text)
      } else {
        verdict.violations.append(text)
      }
    }
    return row
  }

  /// Seconds from the end of a fault until the rate of ``window`` seconds is what it was before.
  private func recovery(passed: Double, over: Double, former: Double) -> Double? {
    var start = passed
    while start + Self.window <= over {
      if rate(from: start, to: start + Self.window) >= former * Self.share { return start - passed }
      start += 0.1
    }
    return nil
  }
}
