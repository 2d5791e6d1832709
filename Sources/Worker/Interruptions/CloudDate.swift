import BatonShared

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads the instants of metadata services.
enum CloudDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// RFC 3339, as in `2017-09-18T08:22:00Z`; nil for anything else.
  static func rfc3339(_ text: String) -> Date? {
    Instant(text).map { Date(timeIntervalSince1970: Double($0.microseconds) / 1e6) }
  }

  /// `21 Jan 2019 09:00:43 GMT`, also after the name of a day as in RFC 1123; nil for anything else.
  static func httpDate(_ text: String) -> Date? {
    var words = text.split(separator: " ").map(String.init)
    if words.first?.hasSuffix(",") == true { words.removeFirst() }
    guard words.count == 5, ["GMT", "UTC"].contains(words[4]), let month = months.firstIndex(of: words[1]),
      let day = twoDigits(words[0]), let number = twoDigits(String(month + 1))
    else { return nil }
    // The calendar's rules are those of RFC 3339.
    return rfc3339("\(words[2])-\(number)-\(day)T\(words[3])Z")
  }

  private static func twoDigits(_ text: String) -> String? {
    guard (1...2).contains(text.utf8.count) else { return nil }
    return text.utf8.count == 1 ? "0" + text : text
  }
}
