import BatonShared

/// A line an event: a letter, the time, and then what there is to say, with a space between. Ids and words hold no spaces;
/// a text that may hold some comes last.
extension StreamEntry {
  var line: String {
    let time = (at * 1000).rounded() / 1000
    switch event {
    case .plan(let scenario, let jobs): return "P \(time) \(scenario) \(jobs)"
    case .accepted(let ids): return "A \(time) " + ids.map(\.description).joined(separator: " ")
    case .told(let id, let attempt, let word): return "T \(time) \(id) \(attempt) \(word)"
    case .late(let seconds): return "L \(time) \(seconds)"
    case .programEnded(let program, let ending, let demand):
      return "X \(time) \(program) \(demand.rawValue) \(Self.oneLine(ending.description))"
    case .attempts(let outcome, let count): return "O \(time) \(outcome) \(count)"
    case .ending(let job):
      let done = job.done.map(String.init).joined(separator: ",")
      return "E \(time) \(job.id) \(job.status) \(job.attempts) \(job.open) \(done.isEmpty ? "-" : done)"
    case .phase(let fault, let phase):
      switch phase {
      case .before: return "F \(time) \(fault) before"
      case .begun: return "F \(time) \(fault) begun"
      case .passed(let evidence): return "F \(time) \(fault) passed \(Self.oneLine(evidence))"
      case .settled: return "F \(time) \(fault) settled"
      case .over: return "F \(time) \(fault) over"
      case .skipped(let reason): return "F \(time) \(fault) skipped \(Self.oneLine(reason))"
      }
    }
  }

  private static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// Reads what `line` has written; nil for anything else.
  init?(line: some StringProtocol) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count >= 3, let at = Double(words[1]), HistoryEntry.times.contains(at), let event = Self.event(words)
    else { return nil }
    self.init(at: at, event: event)
  }

  private static func count(_ text: some StringProtocol) -> Int? {
    Int(text).flatMap { HistoryEntry.counts.contains($0) ? $0 : nil }
  }

  private static func event<Text: StringProtocol>(_ words: [Text]) -> StreamEvent? {
    switch (words[0], words.count) {
    case ("P", 4): return count(words[3]).map { .plan(scenario: String(words[2]), jobs: $0) }
    case ("A", _):
      let ids = words[2...].compactMap { JobID(String($0)) }
      return ids.count == words.count - 2 ? .accepted(ids) : nil
    case ("T", 5):
      guard let id = JobID(String(words[2])), let attempt = count(words[3]) else { return nil }
      return .told(id, attempt: attempt, String(words[4]))
    case ("L", 3):
      guard let seconds = Double(words[2]), HistoryEntry.times.contains(seconds) else { return nil }
      return .late(seconds: seconds)
    case ("O", 4): return count(words[3]).map { .attempts(outcome: String(words[2]), count: $0) }
    case ("E", 7):
      let done = words[6] == "-" ? [] : words[6].split(separator: ",").map { count($0) }
      guard let id = JobID(String(words[2])), let attempts = count(words[4]), let open = count(words[5]),
        !done.contains(nil)
      else { return nil }
      return .ending(
        StreamEnding(
          id: id, status: String(words[3]), attempts: attempts, open: open, done: done.compactMap { $0 }))
    case ("X", 5...):
      let ending = ProcessEnding(words[4...].joined(separator: " "))
      return ProgramDemand(rawValue: String(words[3])).map { .programEnded(String(words[2]), ending, $0) }
    case ("F", 4...):
      return phase(words).map { .phase(fault: String(words[2]), $0) }
    default: return nil
    }
  }

  private static func phase<Text: StringProtocol>(_ words: [Text]) -> FaultPhase? {
    let text = words[4...].joined(separator: " ")
    switch words[3] {
    case "before": return .before
    case "begun": return .begun
    case "passed": return .passed(evidence: text)
    case "settled": return .settled
    case "over": return .over
    case "skipped": return .skipped(reason: text)
    default: return nil
    }
  }
}
