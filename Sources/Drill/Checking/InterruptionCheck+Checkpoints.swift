extension InterruptionCheck {
  /// What the coordinator said of a job's checkpoints: to each attempt the sequence of the one that it was given, and of
  /// the last that was acknowledged to it.
  struct Checkpoints: Sendable {
    var given: [Int: Int] = [:]
    var acknowledged: [Int: Int] = [:]

    mutating func give(_ sequence: Int, to attempt: Int) {
      // What it reads again later may be its own.
      given[attempt] = given[attempt] ?? sequence
    }

    mutating func acknowledge(_ sequence: Int, to attempt: Int) {
      acknowledged[attempt] = max(acknowledged[attempt] ?? 0, sequence)
    }
  }

  /// Whether every attempt at a job was given the newest checkpoint that had been acknowledged to those before it, or a
  /// newer one; and whether what the program found in it is what a program had saved.
  ///
  /// A checkpoint is applied under its lease, and no attempt begins before the lease of the one before has ended. So the
  /// order of the attempts decides, and no clock.
  func judgeCheckpoints(_ index: Int) -> [String] {
    guard let id = ids[index], let told = checkpoints[id] else { return [] }
    var violations: [String] = []
    for (attempt, sequence) in told.given.sorted(by: { $0.key < $1.key }) {
      let acknowledged = told.acknowledged.filter { $0.key < attempt }.values.max() ?? 0
      if sequence < acknowledged {
        violations.append(
          "attempt \(attempt) of job \(index) was given "
            + (sequence == 0 ? "no checkpoint" : "checkpoint \(sequence)")
            + ", though checkpoint \(acknowledged) had been acknowledged")
      }
    }
    var saved: Set<Int> = []
    for run in runs[index] ?? [] where run.isExact {
      if let first = run.first, let sequence = told.given[run.attempt] {
        let found = first - 1
        if sequence == 0 ? found != 0 : !saved.contains(found) {
          violations.append(
            "attempt \(run.attempt) of job \(index) was given checkpoint \(sequence), and found step \(found) in it, "
              + "which nobody had saved")
        }
      }
      saved.formUnion((run.checkpoints + [run.interrupted].compactMap { $0 }).map(\.number))
      // One that was killed between saving and writing that down.
      if let last = run.last { saved.insert(last) }
    }
    return violations
  }
}
