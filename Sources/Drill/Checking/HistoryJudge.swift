import BatonJSON

/// Judges a history that a drill has left behind, once more.
public enum HistoryJudge {
  /// - Parameter text: The history: a JSON text a line, or of a drill with very many jobs a few words a line.
  /// - Returns: The report, and what must not be.
  /// - Throws: `JSONError` or `DrillFailure` for what is no history of a drill.
  public static func judge(_ text: [UInt8]) throws -> (report: [String], violations: [String]) {
    if StreamHistory.begins(text) {
      let verdict = try StreamHistory.judge(text)
      return (verdict.report(), verdict.violations)
    }
    let entries = try text.split(separator: UInt8(ascii: "\n")).map { try HistoryEntry(json: Array($0)) }
    var faults: [any Fault] = []
    for entry in entries {
      guard case .phase(let name, .before) = entry.event, let fault = Faults.named(name) else { continue }
      if !faults.contains(where: { $0.name == name }) { faults.append(fault) }
    }
    if faults.isEmpty {
      let verdict = InterruptionCheck(history: entries).verdict()
      return (verdict.report(), verdict.violations)
    }
    let verdict = FaultCheck(history: entries, faults: faults).verdict()
    return (verdict.report(), verdict.violations)
  }
}
