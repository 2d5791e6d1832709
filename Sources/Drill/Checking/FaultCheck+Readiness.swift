/// Whether `/ready` tells the truth all along.
extension FaultCheck {
  /// So long a coordinator may take to notice that the database is out of reach, in seconds: two until a connection that
  /// says nothing counts as dead, and one to be told so.
  static let noticeSeconds = 3.0

  /// A question whether a coordinator is ready, and its answer.
  private struct Probe {
    var sentAt: Double
    var at: Double
    var status: Int?
    var words: String { status.map { "said \($0)" } ?? "did not answer" }
  }

  func judgeReadiness(_ windows: [Window], _ verdict: inout FaultVerdict) {
    var probes: [String: [Probe]] = [:]
    for entry in history {
      guard case .readiness(let coordinator, let status, let sentAt) = entry.event else { continue }
      probes[coordinator, default: []].append(Probe(sentAt: sentAt, at: entry.at, status: status))
      verdict.readinessAsked += 1
      if status != 200 { verdict.notReady += 1 }
    }
    let coordinators = history.lazy.compactMap { entry -> [String]? in
      if case .fleet(let coordinators, _) = entry.event { coordinators } else { nil }
    }.first
    guard let coordinators else { return }
    for coordinator in coordinators {
      guard let probes = probes[coordinator] else {
        verdict.violations.append("nobody asked \(coordinator) whether it is ready")
        continue
      }
      judgeAbsences(coordinator, probes, &verdict)
      for window in windows {
        judgeReturn(coordinator, probes, window, &verdict)
        judgeQuiet(coordinator, probes, window, after: windows, &verdict)
      }
    }
  }

  /// While the database is out of reach, a coordinator that runs says that it is not ready.
  private func judgeAbsences(_ coordinator: String, _ probes: [Probe], _ verdict: inout FaultVerdict) {
    var goneAt: Double?
    for entry in history {
      guard case .database(let isThere) = entry.event else { continue }
      if isThere, let gone = goneAt {
        // What is answered later may have been answered by the database, too.
        let wrong = probes.filter { $0.sentAt >= gone + Self.noticeSeconds && $0.at < entry.at && $0.status != 503 }
        if let first = wrong.first {
          judgeSlowness(
            "\(coordinator) \(first.words) when asked whether it is ready, \(tenths(first.sentAt - gone)) s after the "
              + "database was out of its reach (\(faultName(at: gone))); \(wrong.count) times in all",
            from: gone, to: entry.at, &verdict, isForgivable: false)
        }
      }
      goneAt = isThere ? nil : entry.at
    }
  }

  /// Soon after a fault it is ready again.
  private func judgeReturn(
    _ coordinator: String, _ probes: [Probe], _ window: Window, _ verdict: inout FaultVerdict
  ) {
    guard let passed = window.passed, let over = window.over else { return }
    let limit = window.fault.recoveryLimit
    guard let ready = probes.first(where: { $0.sentAt >= passed && $0.at <= over && $0.status == 200 }) else {
      verdict.violations.append("\(window.fault.name): \(coordinator) did not say again that it is ready")
      return
    }
    guard ready.at - passed > limit else { return }
    judgeSlowness(
      "\(window.fault.name): \(coordinator) was ready again \(tenths(ready.at - passed)) s after the fault had passed, "
        + "not within \(tenths(limit)) s", from: passed, to: ready.at, &verdict)
  }

  /// Where nothing is wrong, it is ready.
  private func judgeQuiet(
    _ coordinator: String, _ probes: [Probe], _ window: Window, after windows: [Window], _ verdict: inout FaultVerdict
  ) {
    guard let begun = window.begun else { return }
    var start = window.before
    // What a fault has left is over as soon as it says so once.
    if let passed = windows.compactMap(\.passed).filter({ $0 <= begun }).max() {
      start = max(start, probes.first { $0.sentAt >= passed && $0.status == 200 }?.at ?? begun)
    }
    let quiet = probes.filter { $0.sentAt >= start && $0.at < begun }
    let wrong = quiet.filter { $0.status != 200 }
    // One alone may be a disk's or a machine's moment.
    let pairs = zip(quiet, quiet.dropFirst())
    guard let first = pairs.first(where: { $0.status != 200 && $1.status != 200 })?.0 else { return }
    judgeSlowness(
      "\(coordinator) \(first.words) when asked whether it is ready, \(tenths(begun - first.sentAt)) s before "
        + "\(window.fault.name), when nothing was wrong; \(wrong.count) times in all",
      from: start, to: begun, &verdict, isForgivable: false)
  }

  private func faultName(at time: Double) -> String {
    let name = history.last { entry in
      if entry.at <= time, case .phase(_, .begun) = entry.event { true } else { false }
    }
    if case .phase(let fault, _)? = name?.event { return fault }
    return "no fault"
  }
}
