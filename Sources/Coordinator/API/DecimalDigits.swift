/// Numbers as they stand in queries: digits and nothing else, while `Int` takes a sign, too.
enum DecimalDigits {
  /// nil when it is something else, or too large.
  static func value(_ text: some StringProtocol) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(text)
  }
}
