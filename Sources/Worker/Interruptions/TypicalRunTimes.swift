import BatonThreads

/// How long jobs of each kind have run on this worker.
final class TypicalRunTimes: Sendable {
  /// The newest so many count.
  private static let memory = 32
  /// So many kinds are remembered at the most.
  private static let maximumKinds = 1000

  private let seconds = Lock<[String: [Double]]>([:])

  func record(kind: String, seconds: Double) {
    self.seconds.withLock { all in
      guard all[kind] != nil || all.count < Self.maximumKinds else { return }
      all[kind, default: []].append(seconds)
      if all[kind]!.count > Self.memory { all[kind]!.removeFirst() }
    }
  }

  /// The median, in seconds; nil for a kind that has not been run here.
  func typicalSeconds(kind: String) -> Double? {
    seconds.withLock { all in
      guard let times = all[kind]?.sorted(), !times.isEmpty else { return nil }
      return times[times.count / 2]
    }
  }
}
