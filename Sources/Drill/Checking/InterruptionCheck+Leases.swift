import BatonShared

/// What workers were told of leases, in numbers.
struct LeaseCounts: Sendable, Equatable, CustomStringConvertible {
  var given = 0
  var renewed = 0
  var refused = 0

  mutating func add(_ leases: InterruptionCheck.Leases?) {
    guard let leases else { return }
    let refused = leases.answers.count { $0.answer == .lost }
    add(
      LeaseCounts(
        given: leases.given.values.reduce(0) { $0 + $1.count }, renewed: leases.answers.count - refused,
        refused: refused))
  }

  mutating func add(_ other: LeaseCounts) {
    given += other.given
    renewed += other.renewed
    refused += other.refused
  }

  var description: String { "Workers were told of \(given) leases, \(renewed) renewals and \(refused) that were lost" }
}

extension InterruptionCheck {
  /// What workers were told of the leases of a job.
  struct Leases: Sendable {
    /// The answer to a heartbeat.
    struct Answer: Sendable {
      var worker: String
      var attempt: Int
      var answer: LeaseStatus
      var sentAt: Double
      var at: Double
    }

    /// Who was given each attempt, and when that was heard of.
    var given: [Int: [(worker: String, at: Double)]] = [:]
    /// Who began each attempt, and when that was heard of.
    var begun: [Int: [(worker: String, at: Double)]] = [:]
    var answers: [Answer] = []

    mutating func give(_ attempt: Int, to worker: String, at time: Double) {
      given[attempt, default: []].append((worker, time))
    }
  }

  /// Whether a job was one worker's at a time, by what all of them were told: each attempt was given to one, who alone began
  /// it, and not after it had said that it drains; no heartbeat renewed it that was sent after the next had been given
  /// away; and none was refused before it had ended.
  ///
  /// What a worker was told is heard of after it was, and when it asked is known from itself: so these times err on the
  /// safe side.
  func judgeLeases(_ ending: JobEnding) -> [String] {
    // Of older histories nothing is known of leases.
    guard isTellingLeases, let told = leases[ending.id] else { return [] }
    var violations: [String] = []
    for (attempt, holders) in told.given.sorted(by: { $0.key < $1.key }) where holders.count > 1 {
      violations.append(
        "attempt \(attempt) of job \(ending.job) was given away \(holders.count) times, to "
          + holders.map(\.worker).joined(separator: " and "))
    }
    for (attempt, beginnings) in told.begun.sorted(by: { $0.key < $1.key }) {
      for (worker, at) in beginnings {
        let text = "\(worker) began attempt \(attempt) of job \(ending.job)"
        if let given = told.given[attempt]?.first(where: { $0.worker == worker }) {
          violations += judgeBeginning(at, of: text, givenAt: given.at, by: worker)
        } else {
          violations.append("\(text), which it had not been given")
        }
      }
    }
    for answer in told.answers { violations += judge(answer, of: ending, told) }
    return violations
  }

  private func judge(_ answer: Leases.Answer, of ending: JobEnding, _ told: Leases) -> [String] {
    let text = "\(answer.worker)'s heartbeat for attempt \(answer.attempt) of job \(ending.job) was answered"
    switch answer.answer {
    case .held, .cancel:
      let later = told.given.filter { $0.key > answer.attempt }.flatMap { attempt, holders in
        holders.filter { $0.at < answer.sentAt }.map { (attempt: attempt, holder: $0) }
      }
      guard let first = later.min(by: { $0.holder.at < $1.holder.at }) else { return [] }
      return [
        "\(text) '\(answer.answer.rawValue)', though attempt \(first.attempt) had been given to \(first.holder.worker) "
          + "\(tenths(answer.sentAt - first.holder.at)) s before it was sent"
      ]
    case .lost:
      guard let attempt = ending.attempts.first(where: { $0.number == answer.attempt }) else {
        return ["\(text) 'lost', and it is not on record"]
      }
      guard let end = attempt.endedAt else { return ["\(text) 'lost', and on record it has no end"] }
      return end <= answer.at ? [] : ["\(text) 'lost' \(tenths(end - answer.at)) s before it ended"]
    }
  }

  /// Whether workers told of their leases at all.
  private var isTellingLeases: Bool { leases.values.contains { !$0.given.isEmpty } }
}
