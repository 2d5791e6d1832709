import BatonShared

/// Makes the ids of workers: one for each start of a process, never used again.
enum WorkerID {
  /// - Parameter name: What people know the machine by; what does not fit into a name is replaced.
  static func make(name: String) -> String {
    var plain = ""
    for character in name.unicodeScalars.prefix(80) {
      let text = String(character)
      plain += Names.isValid("a" + text) ? text : "-"
    }
    while let first = plain.first, !Names.isValid(String(first)) { plain.removeFirst() }
    let digits = String(UInt64.random(in: 1 << 40..<1 << 48), radix: 36)
    return (plain.isEmpty ? "worker" : plain) + "-" + digits
  }
}
