/// How many jobs were done when, to the tenth of a second: a few bytes for a second, however many jobs.
struct DoneRate: Sendable, Equatable {
  private var tenths: [Int] = []

  mutating func add(at time: Double) {
    let index = max(0, Int(time * 10))
    if index >= tenths.count { tenths += [Int](repeating: 0, count: index + 1 - tenths.count) }
    tenths[index] += 1
  }

  /// Jobs in a second.
  func rate(from start: Double, to end: Double) -> Double {
    let first = max(0, Int((start * 10).rounded()))
    let last = min(tenths.count, Int((end * 10).rounded()))
    guard end > start else { return 0 }
    return first < last ? Double(tenths[first..<last].reduce(0, +)) / (end - start) : 0
  }

  /// When the last job was done; 0 if none was.
  var end: Double { Double(tenths.count) / 10 }

  /// Seconds from `start` until the first `window` is over whose rate is `wanted` or more; nil if there is none before `end`.
  func recovery(from start: Double, to end: Double, window: Double, wanted: Double) -> Double? {
    var time = start
    // No fault may take so long; in a history that is damaged it may seem to.
    let end = min(end, start + 600)
    while time + window <= end {
      if rate(from: time, to: time + window) >= wanted { return time + window - start }
      time += 0.1
    }
    return nil
  }
}
