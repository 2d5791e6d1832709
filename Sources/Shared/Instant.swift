import BatonJSON

/// A point in time with the database's precision. Only people read instants; workers are told durations.
public struct Instant: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Microseconds since 1970-01-01T00:00:00Z.
  public let microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Reads an RFC 3339 instant with any offset and with or without a fraction, of which six digits count; nil for
  /// anything else, for days that no calendar has, and outside of the years 1 to 9999.
  ///
  /// Why not Foundation's styles: they read the 30th of February, hour 25 and whatever follows the instant.
  public init?(_ text: String) {
    var scanner = InstantScanner(text)
    guard let year = scanner.number(4), scanner.character("-"), let month = scanner.number(2), scanner.character("-"),
      let day = scanner.number(2), scanner.character("T", "t"), let hour = scanner.number(2), scanner.character(":"),
      let minute = scanner.number(2), scanner.character(":"), let second = scanner.number(2),
      let fraction = scanner.microseconds(), let offset = scanner.offsetSeconds(), scanner.isAtEnd,
      (1...12).contains(month), day >= 1, day <= CivilDay.count(ofMonth: month, year: year),
      // RFC 3339 knows the leap second; it counts as the first one of the next minute.
      hour <= 23, minute <= 59, second <= 60
    else { return nil }
    let days = CivilDay(year: year, month: month, day: day).sinceEpoch
    let seconds = days * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
    guard (-62_135_596_800..<253_402_300_800).contains(seconds) else { return nil }
    microseconds = seconds * 1_000_000 + fraction
  }

  public static func < (one: Instant, other: Instant) -> Bool { one.microseconds < other.microseconds }

  /// RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.123Z`.
  ///
  /// Digit by digit into its place: every submission is answered with two of them.
  public var description: String {
    let (seconds, fraction) = microseconds.flooredDivision(by: 1_000_000)
    let (days, second) = seconds.flooredDivision(by: 86_400)
    let day = CivilDay(sinceEpoch: days)
    // No instant that is read or that the database keeps is of such a year.
    guard (0...9999).contains(day.year) else { return "year \(day.year)" }
    return String(unsafeUninitializedCapacity: 24) { text in
      func write(_ number: Int, at start: Int, digits: Int, then separator: Unicode.Scalar) {
        var rest = number
        for position in (start..<start + digits).reversed() {
          text[position] = UInt8(ascii: "0") + UInt8(rest % 10)
          rest /= 10
        }
        text[start + digits] = UInt8(ascii: separator)
      }
      write(day.year, at: 0, digits: 4, then: "-")
      write(day.month, at: 5, digits: 2, then: "-")
      write(day.day, at: 8, digits: 2, then: "T")
      write(Int(second / 3600), at: 11, digits: 2, then: ":")
      write(Int(second / 60 % 60), at: 14, digits: 2, then: ":")
      write(Int(second % 60), at: 17, digits: 2, then: ".")
      write(Int(fraction / 1000), at: 20, digits: 3, then: "Z")
      return 24
    }
  }
}

extension Instant: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) { writer.value(description) }

  public init(from reader: inout JSONReader) throws(JSONError) {
    let expected = "an RFC 3339 instant such as 2026-01-31T12:00:00Z"
    guard reader.peekIsString, let instant = Instant(try reader.string()) else { throw JSONError(expected: expected) }
    self = instant
  }
}

/// A day of the Gregorian calendar, carried back before its introduction as ISO 8601 does.
private struct CivilDay {
  var year: Int
  var month: Int
  var day: Int

  init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// Years are counted from March, so that the leap day is the last of a year, in cycles of 400 years (146,097 days).
  init(sinceEpoch days: Int64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    let (cycle, dayOfCycle) = (days + 719_468).flooredDivision(by: 146_097)
    let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
    year = Int(cycle * 400 + yearOfCycle) + (month <= 2 ? 1 : 0)
  }

  /// Days since 1970-01-01.
  var sinceEpoch: Int64 {
    let (cycle, yearOfCycle) = Int64(month <= 2 ? year - 1 : year).flooredDivision(by: 400)
    let monthFromMarch = Int64(month > 2 ? month - 3 : month + 9)
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + Int64(day) - 1
    return cycle * 146_097 + yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear - 719_468
  }

  static func count(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

/// Walks along the text of an instant.
private struct InstantScanner {
  private var rest: Substring.UTF8View

  init(_ text: String) { rest = text[...].utf8 }

  var isAtEnd: Bool { rest.isEmpty }

  /// A number of exactly so many digits.
  mutating func number(_ count: Int) -> Int? {
    let digits = rest.prefix(count)
    guard digits.count == count else { return nil }
    var value = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    rest = rest.dropFirst(count)
    return value
  }

  mutating func character(_ allowed: Unicode.Scalar...) -> Bool {
    guard let first = rest.first, allowed.contains(where: { UInt8(ascii: $0) == first }) else { return false }
    rest = rest.dropFirst()
    return true
  }

  /// A fraction, if there is one; nil when it has no digits or more than anybody writes.
  mutating func microseconds() -> Int64? {
    guard character(".") else { return 0 }
    var value: Int64 = 0
    var count = 0
    while let digit = number(1) {
      if count < 6 { value = value * 10 + Int64(digit) }
      count += 1
    }
    guard (1...18).contains(count) else { return nil }
    for _ in min(count, 6)..<6 { value *= 10 }
    return value
  }

  mutating func offsetSeconds() -> Int? {
    if character("Z", "z") { return 0 }
    let isWest = rest.first == UInt8(ascii: "-")
    guard character("+", "-"), let hours = number(2), character(":"), let minutes = number(2), hours <= 23,
      minutes <= 59
    else { return nil }
    return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
  }
}

extension Int64 {
  /// Quotient and remainder, where the remainder is never negative.
  fileprivate func flooredDivision(by divisor: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
