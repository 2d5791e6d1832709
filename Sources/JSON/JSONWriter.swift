/// Writes a JSON text into one buffer.
public struct JSONWriter {
  /// What has been written.
  public private(set) var bytes: [UInt8] = []
  private var needsComma = false

  public init(reservingCapacity capacity: Int = 512) {
    bytes.reserveCapacity(capacity)
  }

  // MARK: Structure

  public mutating func object(_ content: (inout JSONWriter) -> Void) {
    enclosed(UInt8(ascii: "{"), UInt8(ascii: "}"), content)
  }

  public mutating func array(_ content: (inout JSONWriter) -> Void) {
    enclosed(UInt8(ascii: "["), UInt8(ascii: "]"), content)
  }

  @inlinable
  public mutating func array(_ elements: some Sequence<some JSONEncodable>) {
    array { writer in
      for element in elements { element.write(to: &writer) }
    }
  }

  /// Writes a field name; the next call writes its value.
  public mutating func key(_ name: String) {
    value(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  private mutating func enclosed(_ open: UInt8, _ close: UInt8, _ content: (inout JSONWriter) -> Void) {
    separate()
    bytes.append(open)
    needsComma = false
    content(&self)
    bytes.append(close)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  // MARK: Values

  public mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
  }

  public mutating func value(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
  }

  public mutating func value(_ value: Int) {
    separate()
    if (0...9).contains(value) {
      // Most of a job's counts.
      bytes.append(UInt8(ascii: "0") + UInt8(value))
    } else {
      bytes.append(contentsOf: String(value).utf8)
    }
  }

  /// Writes a number; one that JSON does not know (infinite, not a number) becomes `null`.
  public mutating func value(_ value: Double) {
    guard value.isFinite else { return null() }
    separate()
    bytes.append(contentsOf: Self.text(value).utf8)
  }

  public mutating func value(_ value: RawJSON) {
    separate()
    bytes.append(contentsOf: value.bytes)
  }

  public mutating func value(_ value: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    var value = value
    value.withUTF8 { utf8 in
      guard let first = utf8.firstIndex(where: Self.needsEscape) else { return bytes.append(contentsOf: utf8) }
      var plain = 0
      for position in first..<utf8.count where Self.needsEscape(utf8[position]) {
        bytes.append(contentsOf: utf8[plain..<position])
        appendEscape(utf8[position])
        plain = position + 1
      }
      bytes.append(contentsOf: utf8[plain...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private mutating func appendEscape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    // No reader of ours takes U+0000, and a message must not be lost for one character: the replacement character.
    case 0x00: bytes.append(contentsOf: "ufffd".utf8)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    default:
      let digits = Array("0123456789abcdef".utf8)
      bytes.append(contentsOf: [UInt8(ascii: "u"), 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }
  }

  /// The shortest text that reads back as the same number; whole numbers without a fraction.
  public static func text(_ value: Double) -> String {
    Int(exactly: value).flatMap { $0.magnitude < 1 << 53 ? String($0) : nil } ?? "\(value)"
  }

  // MARK: Fields

  public mutating func field(_ name: String, _ content: Bool) {
    key(name)
    value(content)
  }

  public mutating func field(_ name: String, _ content: Int?) {
    key(name)
    if let content { value(content) } else { null() }
  }

  public mutating func field(_ name: String, _ content: Double?) {
    key(name)
    if let content { value(content) } else { null() }
  }

  public mutating func field(_ name: String, _ content: String?) {
    key(name)
    if let content { value(content) } else { null() }
  }

  public mutating func field(_ name: String, _ content: RawJSON?) {
    key(name)
    if let content { value(content) } else { null() }
  }

  @inlinable
  public mutating func field(_ name: String, _ content: (some JSONEncodable)?) {
    key(name)
    if let content { content.write(to: &self) } else { null() }
  }

  @inlinable
  public mutating func field(_ name: String, _ elements: [some JSONEncodable]) {
    key(name)
    array(elements)
  }

  public mutating func field(_ name: String, object content: (inout JSONWriter) -> Void) {
    key(name)
    object(content)
  }
}
