/// How long to wait before a call is repeated: exponentially longer, with jitter, within a time limit.
struct RetrySchedule {
  private var pause: Duration
  private let longest: Duration

  init(first: Duration = .milliseconds(50), longest: Duration = .seconds(1)) {
    self.pause = first
    self.longest = longest
  }

  /// The next pause; nil when it would not end before the time is up.
  /// - Parameter floor: What the server asked for (`Retry-After`); the jittered pause comes on top of it.
  mutating func next(
    remaining: Duration, atLeast floor: Duration = .zero, using generator: inout some RandomNumberGenerator
  ) -> Duration? {
    let jittered = floor + pause * Double.random(in: 0.5...1, using: &generator)
    guard jittered < remaining else { return nil }
    pause = min(longest, pause * 2)
    return jittered
  }
}
