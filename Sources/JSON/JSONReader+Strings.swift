extension JSONReader {
  /// Reads a string.
  /// - Throws: `JSONError` when there is none, or it holds U+0000 or a lone surrogate.
  public mutating func string() throws(JSONError) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw mismatch("a string") }
    let start = index + 1
    let hasEscapes = try passOverString()
    let content = bytes[start..<(index - 1)]
    skipWhitespace()
    return hasEscapes ? Self.unescaped(content) : String(decoding: content, as: UTF8.self)
  }

  /// Passes over a string, checking each escape; returns whether there was one.
  mutating func passOverString() throws(JSONError) -> Bool {
    var hasEscapes = false
    index += 1
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index += 1
        return hasEscapes
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try passOverEscape()
      case 0..<0x20:
        throw syntax("no raw control character in a string (write it as an escape)")
      default:
        index += 1
      }
    }
    throw syntax("the closing quote of a string")
  }

  private mutating func passOverEscape() throws(JSONError) {
    index += 1
    switch peek() {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
    case UInt8(ascii: "u"):
      let unit = try codeUnit()
      if unit == 0 {
        throw JSONError(expected: "free of the character U+0000")
      }
      if (0xDC00...0xDFFF).contains(unit) { throw loneSurrogate }
      if (0xD800...0xDBFF).contains(unit) {
        guard peek() == UInt8(ascii: "\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u") else {
          throw loneSurrogate
        }
        index += 1
        guard (0xDC00...0xDFFF).contains(try codeUnit()) else { throw loneSurrogate }
      }
    default:
      throw syntax("an escape that JSON knows")
    }
  }

  private var loneSurrogate: JSONError {
    JSONError(expected: "free of lone surrogates (\\ud800 to \\udfff come in pairs)")
  }

  /// Reads `u` with four hexadecimal digits, and returns the number that they are.
  private mutating func codeUnit() throws(JSONError) -> UInt16 {
    guard bytes.count - index >= 5 else { throw syntax("four hexadecimal digits") }
    var value: UInt16 = 0
    for byte in bytes[(index + 1)..<(index + 5)] {
      guard let digit = Self.hexDigit(byte) else { throw syntax("four hexadecimal digits") }
      value = value << 4 | UInt16(digit)
    }
    index += 5
    return value
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  /// The characters that `content`, checked before, stands for.
  private static func unescaped(_ content: ArraySlice<UInt8>) -> String {
    var units: [UInt16] = []
    var result = ""
    var plain = content.startIndex
    var position = content.startIndex
    func unit(at start: Int) -> UInt16 {
      content[start..<(start + 4)].reduce(0) { $0 << 4 | UInt16(hexDigit($1) ?? 0) }
    }
    while position < content.endIndex {
      guard content[position] == UInt8(ascii: "\\") else {
        position += 1
        continue
      }
      result += String(decoding: content[plain..<position], as: UTF8.self)
      switch content[position + 1] {
      case UInt8(ascii: "b"): result.unicodeScalars.append("\u{8}")
      case UInt8(ascii: "f"): result.unicodeScalars.append("\u{C}")
      case UInt8(ascii: "n"): result.unicodeScalars.append("\n")
      case UInt8(ascii: "r"): result.unicodeScalars.append("\r")
      case UInt8(ascii: "t"): result.unicodeScalars.append("\t")
      case UInt8(ascii: "u"):
        units = [unit(at: position + 2)]
        if UTF16.isLeadSurrogate(units[0]) {
          units.append(unit(at: position + 8))
          position += 6
        }
        result += String(decoding: units, as: UTF16.self)
        position += 4
      case let character: result.unicodeScalars.append(Unicode.Scalar(character))
      }
      position += 2
      plain = position
    }
    return result + String(decoding: content[plain...], as: UTF8.self)
  }
}
