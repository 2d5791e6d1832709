import BatonJSON

/// Judges a history that a drill has left behind, once more.
public enum HistoryJudge {
  /// - Parameters:
  ///   - text: The history: a JSON text a line, or of a drill with very many jobs a few words a line.
  ///   - forgivesSlowness: Whether a fault drill was a short one, whose speed says nothing.
  /// - Throws: `JSONError` or `DrillFailure` for what is no history of a drill.
  public static func judge(_ text: [UInt8], forgivesSlowness: Bool = false) throws -> any DrillVerdict {
    if StreamHistory.begins(text) {
      return try StreamHistory.judge(text)
    }
    let entries = try text.split(separator: UInt8(ascii: "\n")).map { try HistoryEntry(json: Array($0)) }
    var faults: [any Fault] = []
    for entry in entries {
      guard case .phase(let name, .before) = entry.event, let fault = Faults.named(name) else { continue }
      if !faults.contains(where: { $0.name == name }) { faults.append(fault) }
    }
    if faults.isEmpty {
      return InterruptionCheck(history: entries).verdict()
    }
    return FaultCheck(history: entries, faults: faults, forgivesSlowness: forgivesSlowness).verdict()
  }
}
