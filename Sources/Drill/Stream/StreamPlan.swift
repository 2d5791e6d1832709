import BatonJSON
import BatonShared

/// Which jobs make up the load of a drill with very many of them.
struct StreamPlan: Sendable {
  enum Work: Sendable {
    /// Jobs that do nothing, and among a hundred of them so many that take a moment, so that some are always under way.
    case nothing(sleepersInHundred: Int)
    /// Every job takes so many seconds, so that it is the workers' slots that bound the rate, and not the machine.
    case sleep(seconds: Double)
  }

  let seed: UInt64
  let work: Work
  /// Jobs of one submission.
  var batch = 250
  /// One in so many submissions is of a single job with an idempotency key.
  var singles = 10

  /// A submission.
  enum Order: Sendable {
    case batch([JobSubmission])
    case single(JobSubmission, key: String)
  }

  /// How many jobs a submission is of, where there are to be no more than `limit`.
  func count(_ index: Int, atMost limit: Int) -> Int { min(index % singles == singles - 1 ? 1 : batch, limit) }

  func order(_ index: Int, count: Int) -> Order {
    var numbers = SeededNumbers(seed: seed, "order", index)
    if count == 1 { return .single(job(&numbers), key: "stream-\(index)") }
    return .batch((0..<count).map { _ in job(&numbers) })
  }

  private func job(_ numbers: inout SeededNumbers) -> JobSubmission {
    let seconds: Double? =
      switch work {
      case .sleep(let seconds): seconds
      case .nothing(let share): numbers.unit() * 100 < Double(share) ? numbers.uniform(0.1...1) : nil
      }
    var payload = JSONWriter()
    payload.object { if let seconds { $0.field("seconds", (seconds * 1000).rounded() / 1000) } }
    return JobSubmission(
      kind: seconds == nil ? "noop" : "sleep", payload: RawJSON(trusted: payload.bytes),
      // The fleet loses a worker every few seconds.
      maxLosses: 1000)
  }
}
