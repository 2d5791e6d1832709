#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Each of these returns the default (or `nil`) if the setting is not there, and throws ``SettingsError`` if it is
/// there and wrong.
extension SettingsReader {
  /// Any text.
  public func string(_ name: String, default: String, secret: Bool = false) throws -> String {
    try stringOrNil(name, secret: secret) ?? `default`
  }

  /// Any text.
  public func stringOrNil(_ name: String, secret: Bool = false) throws -> String? {
    try value(name, expected: "text", secret: secret) { $0 }
  }

  /// A whole number in decimal.
  public func int(_ name: String, default: Int, in range: ClosedRange<Int> = 0...Int.max) throws -> Int {
    try intOrNil(name, in: range) ?? `default`
  }

  /// A whole number in decimal.
  public func intOrNil(_ name: String, in range: ClosedRange<Int> = 0...Int.max) throws -> Int? {
    let bounds =
      range.upperBound == .max
      ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
    return try value(name, expected: "a whole number \(bounds)") { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A duration in seconds; fractions are allowed.
  public func seconds(_ name: String, default: Double, in range: ClosedRange<Double>) throws -> Double {
    try secondsOrNil(name, in: range) ?? `default`
  }

  /// A duration in seconds; fractions are allowed.
  public func secondsOrNil(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
    let (low, high) = (MetricName.number(range.lowerBound), MetricName.number(range.upperBound))
    return try value(name, expected: "a number of seconds from \(low) to \(high)") { text in
      // Digits and one point: `Double` would also read hexadecimal, "nan" and "infinity".
      guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }) else { return nil }
      return Double(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// `true`, `1`, `yes`, `on`, or `false`, `0`, `no`, `off`, in any case.
  public func bool(_ name: String, default: Bool) throws -> Bool {
    try value(name, expected: "true or false") { text in
      switch text.lowercased() {
      case "true", "1", "yes", "on": true
      case "false", "0", "no", "off": false
      default: nil
      }
    } ?? `default`
  }

  /// Texts separated by commas, each trimmed, empty ones dropped. It may be empty only if the default is.
  public func list(_ name: String, default: [String] = []) throws -> [String] {
    try value(name, expected: "one or more values separated by commas") { text in
      let values = text.split(separator: ",").map { String($0).trimmed() }.filter { !$0.isEmpty }
      return values.isEmpty && !`default`.isEmpty ? nil : values
    } ?? `default`
  }

  /// An absolute URL with a host.
  ///
  /// - Parameter schemes: The schemes that are accepted, in lower case.
  public func url(_ name: String, default: URL, schemes: [String] = ["http", "https"]) throws -> URL {
    try urlOrNil(name, schemes: schemes) ?? `default`
  }

  /// An absolute URL with a host.
  ///
  /// - Parameter schemes: The schemes that are accepted, in lower case.
  public func urlOrNil(_ name: String, schemes: [String] = ["http", "https"]) throws -> URL? {
    let starts = schemes.map { $0 + "://…" }.joined(separator: " or ")
    // A URL may hold a password before its "@", and one that does not parse cannot have it taken out.
    let secret = try stringOrNil(name, secret: true)?.contains("@") ?? false
    return try value(name, expected: "a URL \(starts) with a host", secret: secret) { text in
      guard
        let url = URL(string: text), let scheme = url.scheme?.lowercased(), schemes.contains(scheme),
        let host = url.host(), !host.isEmpty
      else { return nil }
      return url
    }
  }

  /// One of the raw values of an enumeration, in any case.
  ///
  /// - Parameter aliases: Other words that are accepted, in lower case.
  public func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, default: Choice, aliases: [String: Choice] = [:]
  ) throws -> Choice {
    try choiceOrNil(name, aliases: aliases) ?? `default`
  }

  /// One of the raw values of an enumeration, in any case.
  ///
  /// - Parameter aliases: Other words that are accepted, in lower case.
  public func choiceOrNil<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, as: Choice.Type = Choice.self, aliases: [String: Choice] = [:]
  ) throws -> Choice? {
    let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    return try value(name, expected: "one of \(words)") { text in
      let word = text.lowercased()
      return Choice.allCases.first { $0.rawValue.lowercased() == word } ?? aliases[word]
    }
  }
}
