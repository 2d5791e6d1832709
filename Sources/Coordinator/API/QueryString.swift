import BatonShared

/// Percent-encoding as browsers and HTTP libraries write it.
enum PercentEncoding {
  /// - Parameter plusIsSpace: As in the query of a form.
  /// - Returns: nil when an escape is not one, or the bytes are not UTF-8.
  static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      switch byte {
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = rest.next().flatMap(hexDigit), let low = rest.next().flatMap(hexDigit) else { return nil }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// The value of a hexadecimal digit in either letter case; nil for anything else.
  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}

/// The parameters of a query, in their order.
struct QueryString: Sendable {
  private(set) var parameters: [(name: String, value: String)] = []

  /// - Throws: `Problem` (400) when it is not well encoded.
  init(_ query: String?) throws(Problem) {
    for part in (query ?? "").split(separator: "&") {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = PercentEncoding.decode(sides[0], plusIsSpace: true),
        let value = PercentEncoding.decode(sides.count > 1 ? sides[1] : "", plusIsSpace: true)
      else { throw Problem(.invalidRequest, "the query must be percent-encoded UTF-8") }
      guard !name.utf8.contains(0), !value.utf8.contains(0) else {
        throw Problem(.invalidRequest, "'\(name.filter { $0 != "\0" })' must be free of the character U+0000")
      }
      parameters.append((name, value))
    }
  }
}
