import BatonJSON

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A point in time with the database's precision. Only people read instants; workers are told durations.
public struct Instant: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Microseconds since 1970-01-01T00:00:00Z.
  public let microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Reads an RFC 3339 instant with any offset and with or without a fraction; nil for anything else, and outside
  /// of the years 1 to 9999.
  public init?(_ text: String) {
    // Foundation's styles read either no fraction or one, and other lengths than RFC 3339 allows: split it off here.
    guard text.utf8.count <= 40, text.utf8.count >= 20 else { return nil }
    var whole = text
    var fraction = 0.0
    if let dot = text.firstIndex(of: ".") {
      let digits = text[text.index(after: dot)...].prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty, let value = Double("0." + digits) else { return nil }
      fraction = value
      whole = String(text[..<dot] + text[digits.endIndex...])
    }
    guard let date = try? Date(whole, strategy: Self.style),
      (-62_135_596_800..<253_402_300_800).contains(date.timeIntervalSince1970)
    else { return nil }
    microseconds = Int64(date.timeIntervalSince1970) * 1_000_000 + Int64(fraction * 1_000_000)
  }

  public static func < (one: Instant, other: Instant) -> Bool { one.microseconds < other.microseconds }

  /// RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.123Z`.
  public var description: String {
    let seconds = (microseconds - (microseconds < 0 ? 999_999 : 0)) / 1_000_000
    let milliseconds = (microseconds - seconds * 1_000_000) / 1000
    let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(Self.style)
    let digits = String(milliseconds)
    return whole.dropLast() + "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z"
  }

  private static let style = Date.ISO8601FormatStyle()
}

extension Instant: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) { writer.value(description) }

  public init(from reader: inout JSONReader) throws(JSONError) {
    let expected = "an RFC 3339 instant such as 2026-01-31T12:00:00Z"
    guard reader.peekIsString, let instant = Instant(try reader.string()) else { throw JSONError(expected: expected) }
    self = instant
  }
}
