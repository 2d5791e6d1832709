import BatonJSON

/// What names of queues, kinds and workers may look like: they appear in addresses, comma-separated lists and
/// metric labels, so they are kept plain.
public enum Names {
  /// The most characters of a name.
  public static let maximumLength = 128

  /// Whether `text` is 1 to 128 letters, digits, `.`, `_`, `:` or `-` of ASCII, starting with a letter, digit or `_`.
  public static func isValid(_ text: String) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, bytes.count <= maximumLength else { return false }
    return (isAlphanumeric(first) || first == UInt8(ascii: "_"))
      && bytes.allSatisfy { byte in
        isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":")
          || byte == UInt8(ascii: "-")
      }
  }

  /// Completes "FIELD must be …".
  public static let expected =
    "1 to 128 ASCII letters, digits, '.', '_', ':' or '-', starting with a letter, a digit or '_'"

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

extension JSONReader {
  /// Reads the name of a queue, kind or worker.
  public mutating func name() throws(JSONError) -> String {
    let text = try string()
    guard Names.isValid(text) else { throw JSONError(expected: Names.expected) }
    return text
  }

  /// Reads a list of names.
  public mutating func names(atMost limit: Int = 256) throws(JSONError) -> [String] {
    var names: [String] = []
    try array { reader throws(JSONError) in
      guard names.count < limit else { throw JSONError(expected: "the last of at most \(limit) names") }
      names.append(try reader.name())
    }
    return names
  }

  /// Reads free text of a bounded length.
  public mutating func text(atMost limit: Int) throws(JSONError) -> String {
    let text = try string()
    guard text.utf8.count <= limit else { throw JSONError(expected: "a string of at most \(limit) bytes") }
    return text
  }

  /// Reads one of the words of an enumeration.
  public mutating func word<Word: RawRepresentable & CaseIterable>(
    _ type: Word.Type = Word.self
  ) throws(JSONError) -> Word where Word.RawValue == String {
    if peekIsString, let word = Word(rawValue: try string()) { return word }
    let words = Word.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    throw JSONError(expected: "one of \(words)")
  }
}
