/// Which parts of a fleet have been seen working since a fault has passed.
///
/// A worker is at work when it is told that an attempt is done which it began after that moment; a coordinator, when it answers
/// a submission that was sent after it. What was under way before proves nothing.
enum PartsAtWork {
  /// - Parameter history: In any order.
  /// - Returns: For each part that was seen, when it was first.
  static func seen(in history: [HistoryEntry], since passed: Double) -> [String: Double] {
    struct Attempt: Hashable {
      var job: String
      var number: Int
      var worker: String
    }
    var begun: Set<Attempt> = []
    for entry in history where entry.at >= passed {
      if case .began(let worker, let job, let number) = entry.event {
        begun.insert(Attempt(job: job, number: number, worker: worker))
      }
    }
    var seen: [String: Double] = [:]
    for entry in history {
      switch entry.event {
      case .told(let worker, let job, let number, "done")
      where begun.contains(Attempt(job: job, number: number, worker: worker)):
        let part = KeptProcess.part(of: worker)
        seen[part] = min(seen[part] ?? .infinity, entry.at)
      case .receipt(_, _, let part, let sentAt) where sentAt >= passed:
        seen[part] = min(seen[part] ?? .infinity, entry.at)
      default: break
      }
    }
    return seen
  }
}
