/// A JSON value kept as its own text, so that numbers keep all their digits and nothing is parsed that
/// nobody looks at.
///
/// The text is valid JSON, holds no U+0000 and no lone surrogate (PostgreSQL and most languages cannot keep
/// either), and starts and ends without white space.
public struct RawJSON: Sendable, Hashable, CustomStringConvertible {
  /// The UTF-8 bytes of the text.
  public let bytes: [UInt8]

  /// Takes bytes that are known to be valid: what a reader has passed over, or what a writer has written.
  public init(trusted bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Checks that `bytes` are one JSON value and keeps them.
  /// - Throws: `JSONError` that says what is wrong.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    var reader = try JSONReader(bytes)
    self = try reader.raw()
    try reader.end()
  }

  /// Checks that `text` is one JSON value and keeps it.
  /// - Throws: `JSONError` that says what is wrong.
  public init(parsing text: String) throws(JSONError) {
    try self.init(parsing: Array(text.utf8))
  }

  public static let null = RawJSON(trusted: Array("null".utf8))
  public static let emptyObject = RawJSON(trusted: Array("{}".utf8))

  public var isNull: Bool { self == .null }

  /// The text as a string.
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  /// A reader at the start of the value, for whoever does want to look inside.
  public func reader() -> JSONReader { JSONReader(trusted: bytes) }
}
