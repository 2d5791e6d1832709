import BatonJSON

/// What was measured, many times over: exact percentiles of sorted samples.
public struct Samples: Sendable, Equatable {
  private let sorted: [Double]

  public init(_ values: [Double]) { sorted = values.sorted() }

  public var count: Int { sorted.count }
  /// NaN when there are none; so are the others.
  public var minimum: Double { sorted.first ?? .nan }
  public var maximum: Double { sorted.last ?? .nan }
  public var mean: Double { sorted.isEmpty ? .nan : sorted.reduce(0, +) / Double(sorted.count) }

  /// The mean of the two in the middle where their number is even.
  public var median: Double {
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  /// The smallest sample that is no less than this part of all.
  /// - Parameter part: From 0 to 1.
  public func percentile(_ part: Double) -> Double {
    guard !sorted.isEmpty else { return .nan }
    let rank = (part * Double(sorted.count)).rounded(.up)
    return sorted[min(sorted.count - 1, max(0, Int(rank) - 1))]
  }
}

extension Samples: JSONEncodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("count", count)
      for (name, value) in [
        ("min", minimum), ("mean", mean), ("p10", percentile(0.1)), ("p25", percentile(0.25)), ("median", median),
        ("p75", percentile(0.75)), ("p90", percentile(0.9)), ("p95", percentile(0.95)), ("p99", percentile(0.99)),
        ("p999", percentile(0.999)), ("max", maximum),
      ] {
        writer.field(name, value.rounded(digits: 5))
      }
    }
  }
}

extension Double {
  /// To so many significant digits, which is more than any clock here is good for.
  func rounded(digits: Int) -> Double {
    guard isFinite, self != 0 else { return self }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    var power = scale
    var magnitude = abs(self)
    while magnitude >= 1 {
      magnitude /= 10
      power /= 10
    }
    while magnitude < 0.1 {
      magnitude *= 10
      power *= 10
    }
    return power >= 1 ? (self * power).rounded() / power : rounded()
  }
}
