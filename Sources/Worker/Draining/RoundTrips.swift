import Synchronization

/// How long the coordinator takes to answer, as measured.
final class RoundTrips: Sendable {
  /// The newest so many count.
  private static let memory = 32
  /// Reporting an outcome is never counted on to be quicker, nor waited for longer, in seconds.
  private static let bounds = 0.5...5.0

  private let newest = Mutex<[Double]>([])

  /// Takes in one answer's time, in seconds.
  func record(_ seconds: Double) {
    newest.withLock { newest in
      newest.append(seconds)
      if newest.count > Self.memory { newest.removeFirst() }
    }
  }

  /// What to allow for reporting an outcome: twice the slowest answer of late, for one repetition, in seconds.
  var settleSeconds: Double {
    let slowest = newest.withLock { $0.max() ?? 0 }
    return min(max(slowest * 2, Self.bounds.lowerBound), Self.bounds.upperBound)
  }
}
