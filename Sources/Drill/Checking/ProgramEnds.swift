/// How the programs of a fleet ended: as the drill had asked, and at no other time. What is started again when it ends
/// must not need that.
///
/// The one judgement of all drills whose programs are started again.
struct ProgramEnds: Sendable, Equatable, CustomStringConvertible {
  private(set) var counts: [ProgramDemand: Int] = [:]
  private(set) var violations: [String] = []

  mutating func take(_ program: String, _ ending: ProcessEnding, _ demand: ProgramDemand) {
    counts[demand, default: 0] += 1
    switch demand {
    case .none: violations.append("\(program) ended by itself (\(ending))")
    case .told where ending != .exited(0): violations.append("\(program) was told to go, and ended with \(ending)")
    case .overdue: violations.append("\(program) was told to go, and was still there when its time was over")
    case .told, .killed: break
    }
  }

  mutating func add(_ other: Self) {
    counts.merge(other.counts, uniquingKeysWith: +)
    violations += other.violations
  }

  /// Older histories tell nothing of ends.
  var remarks: [String] {
    counts.isEmpty ? ["the history does not tell how programs ended: whether each was asked to is not judged"] : []
  }

  var description: String {
    let words = [
      (ProgramDemand.killed, "killed by the drill"), (.told, "told to go"), (.overdue, "not gone in their time"),
      (.none, "by themselves"),
    ].compactMap { demand, words in counts[demand].map { "\($0) \(words)" } }
    return "Programs that ended: " + (words.isEmpty ? "none that is known of" : words.joined(separator: ", "))
  }
}
