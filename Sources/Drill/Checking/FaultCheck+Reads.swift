import BatonShared

/// Whether what clients read of a job is never older than what they have read before, whichever coordinator they asked.
extension FaultCheck {
  struct Read: Sendable {
    var status: String
    var attempt: Int
    var part: String
    var sentAt: Double
    var at: Double

    var isFinal: Bool { JobStatus(rawValue: status)?.isFinished ?? false }
  }

  func judgeReads(_ ending: JobEnding, _ verdict: inout FaultVerdict) {
    let reads = reads[ending.job] ?? []
    verdict.reads += reads.count
    for (index, read) in reads.enumerated() {
      let text = "job \(ending.job) was read as"
      if read.status == "unknown" {
        verdict.violations.append("\(text) unknown at \(read.part), \(tenths(read.at)) s into the drill")
        continue
      }
      if read.isFinal, read.status != ending.status {
        verdict.violations.append("\(text) \(read.status), and is \(ending.status) in the end")
      }
      if read.attempt > ending.attempts.map(\.number).max() ?? 0 {
        verdict.violations.append("\(text) being at attempt \(read.attempt), which is not on record")
      }
      // Those that overlap may come in any order.
      for earlier in reads[..<index] where earlier.at <= read.sentAt && earlier.status != "unknown" {
        if earlier.attempt > read.attempt || (earlier.isFinal && earlier.status != read.status) {
          verdict.violations.append(
            "\(text) \(read.status) at attempt \(read.attempt) at \(read.part), after it had been read as "
              + "\(earlier.status) at attempt \(earlier.attempt) at \(earlier.part)")
        }
      }
    }
  }
}
