import BatonJSON

/// Judges a history that a drill has left behind, once more.
public enum HistoryJudge {
  /// - Parameter text: The history: a JSON text a line.
  /// - Returns: The report, and what must not be.
  /// - Throws: `JSONError` for what is no history of a drill.
  public static func judge(_ text: [UInt8]) throws -> (report: [String], violations: [String]) {
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
