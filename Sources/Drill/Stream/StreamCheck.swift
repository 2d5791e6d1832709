/// Judges the history of a drill with very many jobs, an entry at a time: a pure function of the history, in memory that
/// is bounded by some 50 bytes a job.
struct StreamCheck: Sendable {
  /// What a fault's rate afterwards must reach of the one before.
  static let share = 0.95

  /// A fault, once.
  private struct Episode {
    let fault: String
    var before: Double?
    var begun: Double?
    var passed: Double?
    var evidence = ""
    var over: Double?
    var skipped: String?
  }

  private var scenario = ""
  private var planned = 0
  private var ledger = StreamLedger()
  private var rate = DoneRate()
  private var episodes: [Episode] = []
  private var lateness = Lateness()
  private var outcomes: [String: Int] = [:]
  private var ends = ProgramEnds()
  private var firstAccepted: Double?

  mutating func take(_ entry: StreamEntry) {
    switch entry.event {
    case .plan(let scenario, let jobs):
      self.scenario = scenario
      planned = jobs
      ledger.reserve(jobs)
    case .accepted(let ids):
      firstAccepted = min(firstAccepted ?? entry.at, entry.at)
      ledger.accept(ids)
    case .told(let id, let attempt, "done"):
      rate.add(at: entry.at)
      ledger.tell(id, done: attempt)
    case .told: break
    case .late(let seconds): lateness.add(seconds, at: entry.at)
    case .ending(let ending): ledger.end(ending)
    case .attempts(let outcome, let count): outcomes[outcome, default: 0] += count
    case .programEnded(let program, let ending, let demand): ends.take(program, ending, demand)
    case .phase(let fault, let phase): take(fault, phase, at: entry.at)
    }
  }

  private mutating func take(_ fault: String, _ phase: FaultPhase, at time: Double) {
    // Several faults may be under way, but none twice.
    let open = episodes.lastIndex { $0.fault == fault && $0.over == nil && $0.skipped == nil }
    switch phase {
    case .before: episodes.append(Episode(fault: fault, before: time))
    case .begun:
      if let open, episodes[open].begun == nil {
        episodes[open].begun = time
      } else {
        episodes.append(Episode(fault: fault, begun: time))
      }
    case .passed(let evidence):
      guard let open else { return }
      episodes[open].passed = time
      episodes[open].evidence = evidence
      // What is not measured is over as soon as it has passed.
      if episodes[open].before == nil { episodes[open].over = time }
    // The rate is measured at fixed times here.
    case .settled: break
    case .over:
      if let open { episodes[open].over = time }
    case .skipped(let reason):
      if let open { episodes[open].skipped = reason }
    }
  }

  func verdict() -> StreamVerdict {
    let (counts, findings) = ledger.judge()
    var verdict = StreamVerdict(counts: counts, outcomes: outcomes)
    verdict.violations = findings.map { finding in
      let examples = finding.examples.map(\.description).joined(separator: ", ")
      let more = finding.count > finding.examples.count ? " …" : ""
      return "\(finding.count) jobs: each \(finding.words) (\(examples)\(more))"
    }
    verdict.violations += ends.violations
    verdict.remarks += ends.remarks
    verdict.ends = ends
    verdict.lateness = lateness.greatest
    if counts.accepted < planned {
      verdict.violations.append("\(counts.accepted) jobs were accepted, not the \(planned) of the plan")
    }
    let start = firstAccepted ?? 0
    verdict.seconds = max(0, rate.end - start)
    verdict.rate = rate.rate(from: start, to: rate.end)
    for episode in episodes {
      if episode.before == nil { count(episode, &verdict) } else { measure(episode, &verdict) }
    }
    if episodes.allSatisfy({ $0.skipped != nil }) { verdict.violations.append("no fault happened") }
    return verdict
  }

  /// One of many faults that come and go.
  private func count(_ episode: Episode, _ verdict: inout StreamVerdict) {
    var times = verdict.mixed[episode.fault] ?? .init()
    if let begun = episode.begun, let passed = episode.passed {
      times.count += 1
      times.seconds += passed - begun
    } else {
      times.skipped += 1
    }
    verdict.mixed[episode.fault] = times
  }

  /// A fault before and after which the rate was measured, for equally long.
  private func measure(_ episode: Episode, _ verdict: inout StreamVerdict) {
    guard let before = episode.before, let begun = episode.begun, let passed = episode.passed, let over = episode.over
    else {
      let reason = episode.skipped.map { ": \($0)" } ?? ""
      return verdict.violations.append("\(episode.fault) did not come to its end\(reason)")
    }
    let window = begun - before
    let former = rate.rate(from: before, to: begun)
    guard former > 0 else { return verdict.violations.append("nothing was done before \(episode.fault)") }
    let after = rate.rate(from: over - window, to: over)
    verdict.rows.append(
      .init(
        fault: episode.fault, evidence: episode.evidence, lasted: passed - begun,
        recovery: rate.recovery(
          from: passed, to: over, window: FaultCheck.window, wanted: former * Self.share),
        before: former, after: after))
    guard after < former * Self.share else { return }
    let percent = Int((after / former * 100).rounded(.down))
    let late = lateness.greatest(from: passed, to: over)
    let text = "\(episode.fault): the rate afterwards is \(percent) % of that before"
    if late > FaultCheck.excuseSeconds {
      verdict.remarks.append(text + "; the machine was late by up to \(tenths(late)) s")
    } else {
      verdict.violations.append(text)
    }
  }
}
