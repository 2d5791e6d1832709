/// Whether jobs that were interrupted went on as soon as there was a slot, and did not wait as those do that have
/// failed.
extension InterruptionCheck {
  /// The least that a failed job waits for its next attempt, in seconds.
  static let leastBackoff = 0.9
  /// So long a job that was interrupted may be overtaken, in seconds, on a machine that is never late.
  static let overtakenSeconds = 0.5
  /// The same, in seconds, where there are several coordinators: one that was not told of it looks for it five seconds
  /// after it last did, with the next statement for those who may have it. That comes within a second, and looking and
  /// leasing may take another.
  static let overtakenElsewhereSeconds = 7.0
  /// A fleet of so many workers has a free slot most of the time, by the load that it gets; and so many jobs that were
  /// interrupted say what most of them wait.
  private static let largeFleet = (workers: 4, gaps: 20)

  /// Whether most of them went on at once.
  func judgeHandovers() -> [String] {
    guard Set(workers.keys.map { KeptProcess.part(of: $0) }).count >= Self.largeFleet.workers else { return [] }
    let gaps = interruptions.filter { lateness.greatest(from: $0.end, to: $0.next) <= Self.excuseSeconds }
      .map { $0.next - $0.end }.sorted()
    guard gaps.count >= Self.largeFleet.gaps, gaps[gaps.count / 2] >= Self.leastBackoff else { return [] }
    return ["half of the jobs that were interrupted waited for \(tenths(gaps[gaps.count / 2])) s and more"]
  }

  /// The attempts that were interrupted and had a next, in the order of their jobs.
  private var interruptions: [(job: Int, attempt: Int, end: Double, next: Double)] {
    endings.sorted { $0.key < $1.key }.flatMap { index, ending in
      zip(ending.attempts, ending.attempts.dropFirst()).compactMap { attempt, next in
        guard attempt.outcome == "interrupted", let end = attempt.endedAt else { return nil }
        return (index, attempt.number, end, next.startedAt)
      }
    }
  }

  /// Whether jobs that were interrupted waited for nothing but a free slot: they are ahead of newer jobs. So while such a
  /// job waits, none begins that is newer; if one does, there was a slot, and what was interrupted was kept from it.
  ///
  /// Only jobs of one kind are compared: a worker that may have to go soon takes none of a kind that runs long.
  ///
  /// - Parameters:
  ///   - hindered: When coordinators or their database may be away, or have just come back: not judged.
  ///   - patience: How long it may be overtaken, in seconds.
  func judgePrecedence(
    except hindered: [ClosedRange<Double>] = [], patience: Double = overtakenSeconds
  ) -> [String] {
    var violations: [String] = []
    let firsts = endings.values.compactMap { ending in ending.attempts.first.map { (job: ending.job, at: $0.startedAt) }
    }
    .sorted { ($0.at, $0.job) < ($1.at, $1.job) }
    for (job, attempt, end, next) in interruptions {
      guard let accepted = acceptedAt[job], next > end + patience,
        !hindered.contains(where: { $0.overlaps(end...next) })
      else { continue }
      let late = 3 * lateness.greatest(from: end, to: next)
      let overtaking = firsts.first { other in
        other.at > end + patience + late && other.at < next && jobs[other.job]?.kind == jobs[job]?.kind
          && acceptedAt[other.job] ?? 0 > accepted + Self.overtakenSeconds + late
      }
      guard let overtaking else { continue }
      violations.append(
        "attempt \(attempt) of job \(job) was interrupted, and \(tenths(overtaking.at - end)) s later the newer job "
          + "\(overtaking.job) was begun before it")
    }
    return violations
  }
}
