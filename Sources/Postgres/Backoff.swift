/// Growing, jittered pauses between attempts to connect: 0.1 s at first, 2 s at most.
struct Backoff {
  private var attempts = 0

  /// The pause before the next attempt: between half of the step and all of it, so that many do not come at once.
  mutating func next() -> Duration {
    let step = min(2000, 100 << min(attempts, 5))
    attempts += 1
    return .milliseconds(Int.random(in: step / 2...step))
  }

  mutating func reset() { attempts = 0 }
}
