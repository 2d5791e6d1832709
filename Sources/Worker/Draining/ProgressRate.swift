import BatonShared

/// What a job has said of its progress, and how fast it goes.
struct ProgressRate: Sendable {
  private struct Sample: Sendable {
    let fraction: Double
    let at: ContinuousClock.Instant
  }

  /// In seconds.
  private static let longest = 100 * 365 * 86_400.0

  /// The newest word, for the heartbeat.
  private(set) var latest: JobSnapshot.Progress?
  private var first: Sample?
  private var last: Sample?
  /// How often it has spoken since the first.
  private var words = 0

  /// Takes in what the job says; what it does not say now stays as it was.
  mutating func report(fraction: Double?, message: String?, at now: ContinuousClock.Instant) {
    let fraction = fraction.flatMap { $0.isFinite ? min(max($0, 0), 1) : nil }
    latest = JobSnapshot.Progress(
      fraction: fraction ?? latest?.fraction, message: message?.prefix(utf8Bytes: 512) ?? latest?.message)
    guard let fraction else { return }
    let sample = Sample(fraction: fraction, at: now)
    // A job that starts anew (a second epoch that counts from zero) has told nothing about its end.
    if let last, fraction < last.fraction { first = nil }
    if first == nil {
      first = sample
      words = 0
    } else {
      words += 1
    }
    last = sample
  }

  /// How many seconds the job still needs at the rate so far; nil when there is no telling.
  ///
  /// One that is silent for longer than it said to need, and than it is usually silent, has told nothing.
  func secondsToGo(at now: ContinuousClock.Instant) -> Double? {
    guard let first, let last else { return nil }
    let gained = last.fraction - first.fraction
    let elapsed = (last.at - first.at).inSeconds
    var needed = 0.0
    if last.fraction < 1 {
      // Less than this is noise: the first steps of a job are seldom like the others.
      guard gained > 0, elapsed >= 0.2 else { return nil }
      // A program may claim to be as slow as it likes; no time is reckoned with that is longer than a century.
      needed = min((1 - last.fraction) * elapsed / gained, Self.longest)
    }
    let left = needed - (now - last.at).inSeconds
    let pause = words > 0 ? elapsed / Double(words) : 0
    return left >= -max(0.5, pause * 2) ? max(0, left) : nil
  }
}
