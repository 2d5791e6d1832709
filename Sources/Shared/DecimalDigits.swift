/// Numbers as they stand in queries and headers: digits and nothing else, while `Int` takes a sign, too.
public enum DecimalDigits {
  /// nil when it is something else, or too large.
  public static func value(_ text: some StringProtocol) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(text)
  }
}
