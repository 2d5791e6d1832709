import BatonShared

/// How spans of time are read and shown.
enum Durations {
  /// `0.4s`, `12s`, `3m 20s`, `5h 12m`, `3d 4h`.
  static func text(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let seconds = max(0, seconds)
    if seconds < 9.95 {
      let tenths = Int((seconds * 10).rounded())
      return "\(tenths / 10).\(tenths % 10)s"
    }
    let whole = Int(min(seconds.rounded(), 1e12))
    switch whole {
    case ..<60: return "\(whole)s"
    case ..<3600: return "\(whole / 60)m \(whole % 60)s"
    case ..<86_400: return "\(whole / 3600)h \(whole % 3600 / 60)m"
    default: return "\(whole / 86_400)d \(whole % 86_400 / 3600)h"
    }
  }

  /// From one instant to another.
  static func text(from start: Instant, to end: Instant) -> String {
    text(Double(end.microseconds - start.microseconds) / 1_000_000)
  }

  /// Reads seconds, or a number with one of the units `ms`, `s`, `m`, `h`, `d`; nil for anything else.
  static func seconds(_ text: String) -> Double? {
    let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
    var number = Substring(text)
    var factor = 1.0
    for unit in units where text.hasSuffix(unit.suffix) {
      number = text.dropLast(unit.suffix.count)
      factor = unit.seconds
      break
    }
    // `Double` would also read hexadecimal numbers and `inf`.
    guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let value = Double(number) else {
      return nil
    }
    return value * factor
  }
}
