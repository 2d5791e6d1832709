/// Measures how late this process is woken: on a busy machine nobody's timers are better than that.
struct StallMeter: Sendable {
  /// What is late enough to be written down, in seconds.
  static let threshold = 0.05

  /// Told of each time that it was late, by so many seconds.
  let record: @Sendable (Double) -> Void

  /// Ends by cancellation.
  func run() async {
    while !Task.isCancelled {
      let due = ContinuousClock.now + .milliseconds(100)
      guard (try? await Task.sleep(until: due, tolerance: .zero, clock: .continuous)) != nil else { return }
      let late = (ContinuousClock.now - due).inSeconds
      if late > Self.threshold { record(late) }
    }
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
