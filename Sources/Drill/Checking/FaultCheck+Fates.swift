/// Whether jobs that are to fail or to be cancelled end so, once and for all.
extension FaultCheck {
  /// From the acknowledgement of a cancellation until the worker has stopped the job or its lease has run out, in seconds.
  static let cancelSeconds = 10.0

  /// Whether an attempt may end so because its job is meant to.
  func isMeant(_ attempt: JobEnding.Attempt, _ fate: DrillJob.Fate) -> Bool {
    switch fate {
    case .done: false
    case .failsOnce, .fails: attempt.outcome == "failed"
    case .cancelled: attempt.outcome == "cancelled"
    }
  }

  func judgeFate(
    _ fate: DrillJob.Fate, _ ending: JobEnding, _ windows: [Window], _ verdict: inout FaultVerdict
  ) {
    let failed = ending.attempts.filter { $0.outcome == "failed" }
    let text = "job \(ending.job) was to"
    switch fate {
    case .done: break
    case .failsOnce:
      // What a fault makes fail comes on top.
      let own = failed.count { !mayFail($0, windows) }
      if own > 1 { verdict.violations.append("\(text) fail once, and failed \(own) times") }
      if ending.status == "done", failed.isEmpty, !ending.attempts.contains(where: { $0.outcome != "done" }) {
        verdict.violations.append("\(text) fail once, and never did")
      }
    case .fails:
      guard ending.status == "failed" else {
        if ending.status == "done" { verdict.violations.append("\(text) fail for good, and is done") }
        return
      }
      if failed.count != DrillJob.failures || ending.attempts.last?.outcome != "failed" {
        let outcomes = ending.attempts.map { $0.outcome ?? "open" }
        verdict.violations.append(
          "\(text) fail for good with failure \(DrillJob.failures), and its attempts are \(outcomes.joined(separator: ", "))"
        )
      }
    case .cancelled: judgeCancellation(ending, windows, &verdict)
    }
  }

  /// A cancellation that was acknowledged holds: no attempt begins after it, and the one that ran does not run on.
  private func judgeCancellation(_ ending: JobEnding, _ windows: [Window], _ verdict: inout FaultVerdict) {
    guard let (at, answer) = cancellations[ending.job] else {
      verdict.violations.append("the cancellation of job \(ending.job) had no answer to the end")
      return
    }
    let text = "job \(ending.job) was cancelled (\(answer))"
    // No answer tells less than that it has ended, or will without another attempt.
    if let late = ending.attempts.first(where: { $0.startedAt > at }) {
      verdict.violations.append(
        "\(text), and its attempt \(late.number) began \(tenths(late.startedAt - at)) s after that")
    }
    switch answer {
    case "cancelled":
      if ending.status != "cancelled" { verdict.violations.append("\(text), and is \(ending.status)") }
    case "processing":
      // Its worker may have been about to report it.
      let end = ending.attempts.compactMap(\.endedAt).max() ?? .infinity
      // Nobody can be told while a fault keeps everybody from everybody; but behind one that lets the fleet go on, they can.
      let hindrances = windows.filter { window in
        guard window.fault.endurance == .none, let begun = window.begun, let passed = window.passed else {
          return false
        }
        return begun <= at + Self.cancelSeconds && passed >= at
      }
      let free = hindrances.compactMap(\.passed).reduce(at, max)
      if end > free + Self.cancelSeconds {
        verdict.violations.append("\(text), and ran on for \(tenths(end - at)) s")
      }
    default: break
    }
  }
}
