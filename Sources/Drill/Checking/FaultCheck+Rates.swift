/// How fast the fleet was before, while and after a fault, and whether all of it came back.
extension FaultCheck {
  func row(
    _ window: Window, among windows: [Window], _ jobs: FaultVerdict.Jobs, _ verdict: inout FaultVerdict
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
    row.before = former(window.before, begun)
    guard row.before > 0 else {
      verdict.violations.append("nothing was done before \(name)")
      return row
    }
    let inner = windows.filter { $0.before >= begun && $0.before < passed }
    judgeRecovery(window, passed, over, &row, &verdict)
    judgeAfter(window, passed, over, &row, &verdict)
    if inner.isEmpty {
      judgeMeanwhile(window, begun, passed, &row, &verdict)
    } else {
      judge(inner, within: window, &row, &verdict)
    }
    return row
  }

  private func rate(from start: Double, to end: Double) -> Double {
    Double(dones.count { $0 >= start && $0 < end }) / max(0.001, end - start)
  }

  /// Where a backlog is still being worked off, more is done than comes in: that is not the rate to come back to.
  private func former(_ start: Double, _ end: Double) -> Double {
    let coming = Double(coming.count { $0 >= start && $0 < end }) / max(0.001, end - start)
    return min(rate(from: start, to: end), coming)
  }

  // MARK: Recovery

  /// Whether the rate came back in time, and every part of the fleet was seen working again.
  private func judgeRecovery(
    _ window: Window, _ passed: Double, _ over: Double, _ row: inout FaultVerdict.Row, _ verdict: inout FaultVerdict
  ) {
    let name = window.fault.name
    let limit = window.fault.recoveryLimit
    let rateIsBack = recovery(passed: passed, over: over, former: row.before)
    if let rateIsBack {
      if rateIsBack > limit {
        judgeSlowness(
          "\(name): the former rate was reached \(tenths(rateIsBack)) s after the fault had passed, not within "
            + "\(tenths(limit)) s", from: passed, to: passed + limit, &verdict)
      }
    } else {
      // A machine that is late excuses slowness; it does not excuse a rate that never comes back.
      verdict.violations.append(
        "\(name): the former rate was reached no more after the fault had passed, not within \(tenths(limit)) s")
    }
    row.recovery = rateIsBack
    guard let parts else { return }
    let seen = PartsAtWork.seen(in: history.filter { $0.at >= passed && $0.at <= over }, since: passed)
    for part in parts {
      guard let at = seen[part] else {
        row.recovery = nil
        verdict.violations.append("\(name): \(part) was not seen working again after the fault had passed")
        continue
      }
      row.recovery = row.recovery.map { max($0, at - passed) }
      if at - passed > limit {
        judgeSlowness(
          "\(name): \(part) was seen working again \(tenths(at - passed)) s after the fault had passed, not within "
            + "\(tenths(limit)) s", from: passed, to: passed + limit, &verdict)
      }
    }
  }

  /// Seconds from the end of a fault until the first ``window`` seconds are over whose rate is what it was before.
  private func recovery(passed: Double, over: Double, former: Double) -> Double? {
    var start = passed
    // No fault may take so long; in a history that is damaged it may seem to.
    let end = min(over, passed + 600)
    while start + Self.window <= end {
      if rate(from: start, to: start + Self.window) >= former * Self.share { return start + Self.window - passed }
      start += 0.1
    }
    return nil
  }

  /// Whether the rate stays what it was before.
  private func judgeAfter(
    _ window: Window, _ passed: Double, _ over: Double, _ row: inout FaultVerdict.Row, _ verdict: inout FaultVerdict
  ) {
    guard let settled = window.settled else {
      // Older histories are of drills that did not wait for it.
      if parts != nil {
        verdict.violations.append("\(window.fault.name): what had gathered was not worked off afterwards")
      }
      row.after = row.recovery.map { rate(from: passed + $0, to: over) }
      return
    }
    let after = former(settled, over)
    row.after = after
    guard after < row.before * Self.share else { return }
    judgeSlowness(
      "\(window.fault.name): \(tenths(after)) jobs/s were done afterwards, and \(tenths(row.before)) before",
      from: settled, to: over, &verdict, isForgivable: after >= row.before / 2)
  }

  // MARK: While it lasts

  /// Whether a fault that only slows things let the fleet go on.
  private func judgeMeanwhile(
    _ window: Window, _ begun: Double, _ passed: Double, _ row: inout FaultVerdict.Row, _ verdict: inout FaultVerdict
  ) {
    // What lasts a moment has no rate.
    guard passed - begun >= 1 else { return }
    let during = rate(from: begun, to: passed)
    row.during = during
    switch window.fault.endurance {
    case .none: return
    case .goesOn:
      guard rate(from: (begun + passed) / 2, to: passed) <= 0 else { return }
      judgeSlowness(
        "\(window.fault.name): nothing more was done in the second half of it", from: begun, to: passed, &verdict)
    case .holdsRate:
      guard during < row.before * Self.share else { return }
      judgeSlowness(
        "\(window.fault.name): \(tenths(during)) jobs/s were done while it lasted, and \(tenths(row.before)) before",
        from: begun, to: passed, &verdict, isForgivable: during >= row.before / 2)
    }
  }

  /// Whether a fault that others happen in was there in each of them, and left the rate between them what it was.
  private func judge(
    _ inner: [Window], within outer: Window, _ row: inout FaultVerdict.Row, _ verdict: inout FaultVerdict
  ) {
    var lowest = Double.infinity
    for window in inner {
      guard let begun = window.begun else { continue }
      if !isTransactionOpen(at: begun) {
        verdict.violations.append("\(outer.fault.name): the transaction was not open when \(window.fault.name) began")
      }
      let rate = former(window.before, begun)
      lowest = min(lowest, rate)
      guard rate < row.before * Self.share else { continue }
      judgeSlowness(
        "\(outer.fault.name): before \(window.fault.name) only \(tenths(rate)) jobs/s were done, and \(tenths(row.before)) "
          + "at first", from: window.before, to: begun, &verdict, isForgivable: rate >= row.before / 2)
    }
    // Of the times when nothing else was going on.
    row.during = lowest.isFinite ? lowest : nil
  }

  private func isTransactionOpen(at time: Double) -> Bool {
    var isOpen = false
    for entry in history where entry.at <= time {
      if case .transaction(let isOpenNow) = entry.event { isOpen = isOpenNow }
    }
    return isOpen
  }

  // MARK: Excuses

  /// Something took longer than it should, but came: a remark if the machine was late just then.
  func judgeSlowness(
    _ text: String, from start: Double, to end: Double, _ verdict: inout FaultVerdict, isForgivable: Bool = true
  ) {
    let late = base.lateness.greatest(from: start, to: end)
    if late > Self.excuseSeconds {
      verdict.remarks.append(text + "; the machine was late by up to \(tenths(late)) s")
    } else if forgivesSlowness, isForgivable {
      verdict.remarks.append(text)
    } else {
      verdict.violations.append(text)
    }
  }
}
