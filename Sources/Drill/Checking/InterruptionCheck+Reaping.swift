/// What became of the leases of workers that were dead or stood still.
struct Reaping: Sendable, Equatable {
  /// Seconds from the time when a lease must have run out until its attempt was ended; 0 for those that ended sooner.
  var delays: [Double] = []
  var violations: [String] = []
}

extension InterruptionCheck {
  /// So long after a lease has run out its attempt is ended, in seconds, by any coordinator.
  static let reapSeconds = 2.0
  /// So long a signal may take, and a heartbeat that was on its way, in seconds.
  static let deathSeconds = 0.5

  /// A time in which a worker asks for nothing.
  private struct Silence {
    var from: Double
    var until: Double
  }

  /// Whether what a worker held was taken from it in time, once it was dead or stood still.
  ///
  /// When a lease was renewed last, only the database knows: a heartbeat may have been applied whose answer was not
  /// heard. But none comes from a worker that is dead. So its leases run out at the latest when one has passed since
  /// then. What it was told of its leases says which it held; the record, by the same machine's clock, when they ended.
  ///
  /// - Parameter hindered: When coordinators or their database may be away, or have just come back: not judged.
  func judgeReaping(except hindered: [ClosedRange<Double>] = []) -> Reaping {
    var reaping = Reaping()
    guard let lease, lease >= 0 else { return reaping }
    for (_, ending) in endings.sorted(by: { $0.key < $1.key }) {
      for attempt in ending.attempts {
        guard let holder = leases[ending.id]?.given[attempt.number]?.first, let worker = workers[holder.worker] else {
          continue
        }
        let end = attempt.endedAt ?? .infinity
        let judged = silences(of: worker).lazy.filter { holder.at <= $0.from && end > $0.from }
          .map { (from: $0.from, until: $0.until, limit: self.limit(of: $0, lease)) }
          // Once it wakes it may renew what is still there.
          .first { silence in
            silence.until > silence.limit && !hindered.contains { $0.overlaps(silence.from...silence.limit) }
          }
        guard let judged else { continue }
        let (expiry, limit) = (judged.from + lease, judged.limit)
        reaping.delays.append(max(0, end - expiry))
        guard end > limit else { continue }
        reaping.violations.append(
          "attempt \(attempt.number) of job \(ending.job) was held by \(holder.worker), of which nothing was heard any "
            + "more, and "
            + (end.isFinite ? "ended only \(tenths(end - expiry)) s after its lease had run out" : "never ended"))
      }
    }
    return reaping
  }

  /// By when what it held must be ended.
  private func limit(of silence: Silence, _ lease: Double) -> Double {
    let limit = silence.from + lease + Self.reapSeconds + Self.deathSeconds
    return limit + 3 * lateness.greatest(from: silence.from, to: limit)
  }

  private func silences(of worker: Worker) -> [Silence] {
    let death = worker.killedAt.map { Silence(from: $0, until: .infinity) }
    return worker.suspensions.map { Silence(from: $0.from, until: min($0.until, worker.killedAt ?? .infinity)) }
      + [death].compactMap { $0 }
  }
}
