extension InterruptionCheck {
  /// A worker looks whether it drains, and then begins a job and says so: by so much the word of one that it had just
  /// begun may come after the word of the drain, in seconds, on a machine that is never late.
  static let beginningSeconds = 0.25

  /// Whether a worker began an attempt before it said that it drains.
  ///
  /// A lease may still be given to it by an answer that was on its way. That is handed back: it looks whether it drains
  /// after it has said what it was given.
  func judgeBeginning(_ at: Double, of text: String, givenAt: Double, by worker: String) -> [String] {
    guard let seen = workers[worker]?.drainSeenAt, at > seen else { return [] }
    let isCrossing =
      givenAt <= seen && at <= seen + Self.beginningSeconds + 3 * lateness.greatest(from: seen - 5, to: at)
    return isCrossing ? [] : ["\(text) \(tenths(at - seen)) s after it had said that it drains"]
  }
}
