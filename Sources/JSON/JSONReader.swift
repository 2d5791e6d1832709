/// Reads a JSON text (RFC 8259) in one pass: the caller asks for what it expects and gets it, or an error that
/// names the field. What nobody needs to understand is passed over as raw text.
///
/// Why not Foundation's decoder: it cannot hand out a value as its own text, so payloads would lose digits, and it
/// costs several times as much.
public struct JSONReader {
  /// Deeper nesting than this is refused, so that no text can exhaust a stack, here or in a client.
  public static let maximumDepth = 512
  /// More fields than this in an object that is read (not passed over) are refused: looking for a repeated name
  /// among them is quadratic.
  public static let maximumFields = 256

  let bytes: [UInt8]
  var index = 0

  /// Starts at the first value of `bytes`.
  /// - Throws: `JSONError` when the bytes are not UTF-8.
  public init(_ bytes: [UInt8]) throws(JSONError) {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw JSONError(expected: "JSON in UTF-8 (invalid byte at offset \(error.byteOffsets.lowerBound))")
    }
    self.init(trusted: bytes)
  }

  init(trusted bytes: [UInt8]) {
    self.bytes = bytes
    skipWhitespace()
  }

  /// Makes sure that nothing follows the value that was read.
  /// - Throws: `JSONError` when something does.
  public mutating func end() throws(JSONError) {
    skipWhitespace()
    guard index == bytes.count else { throw syntax("nothing after the value") }
  }

  // MARK: Values

  /// Reads an object and calls `field` at each value; `field` must consume it (or `skip()` it).
  /// - Throws: `JSONError` when there is no object, a key comes twice, or what `field` throws.
  public mutating func object(
    _ field: (_ key: String, _ reader: inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard peek() == UInt8(ascii: "{") else { throw mismatch("an object") }
    index += 1
    // Room for the fields of a submission.
    var seen: [String] = []
    seen.reserveCapacity(12)
    skipWhitespace()
    if peek() == UInt8(ascii: "}") {
      index += 1
      skipWhitespace()
      return
    }
    while true {
      guard peek() == UInt8(ascii: "\"") else { throw syntax("a field name in double quotes") }
      let key = try string()
      guard !seen.contains(key) else { throw JSONError(field: key, expected: "given once") }
      guard seen.count < Self.maximumFields else { throw JSONError(expected: "an object of at most 256 fields") }
      seen.append(key)
      guard peek() == UInt8(ascii: ":") else { throw syntax("a colon after a field name") }
      index += 1
      skipWhitespace()
      do {
        try field(key, &self)
      } catch {
        throw error.under(key: key)
      }
      if try !hasNext(closing: UInt8(ascii: "}")) { return }
    }
  }

  /// Reads an array and calls `element` at each value; `element` must consume it.
  /// - Throws: `JSONError` when there is no array, or what `element` throws.
  public mutating func array(
    _ element: (_ reader: inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard peek() == UInt8(ascii: "[") else { throw mismatch("an array") }
    index += 1
    skipWhitespace()
    if peek() == UInt8(ascii: "]") {
      index += 1
      skipWhitespace()
      return
    }
    var position = 0
    while true {
      do {
        try element(&self)
      } catch {
        throw error.under(index: position)
      }
      position += 1
      if try !hasNext(closing: UInt8(ascii: "]")) { return }
    }
  }

  /// Consumes a `null` if there is one.
  public mutating func null() -> Bool {
    guard peek() == UInt8(ascii: "n"), literal("null") else { return false }
    skipWhitespace()
    return true
  }

  /// Reads `true` or `false`.
  public mutating func bool() throws(JSONError) -> Bool {
    let value: Bool
    if literal("true") {
      value = true
    } else if literal("false") {
      value = false
    } else {
      throw mismatch("true or false")
    }
    skipWhitespace()
    return value
  }

  /// Reads a whole number.
  /// - Throws: `JSONError` that names the range when the value is no integer in it.
  public mutating func int(in range: ClosedRange<Int> = Int.min...Int.max) throws(JSONError) -> Int {
    // Said only where it is not so: putting it into words takes longer than reading the number.
    var expected: String {
      range == Int.min...Int.max ? "an integer" : "an integer from \(range.lowerBound) to \(range.upperBound)"
    }
    guard let token = try number() else { throw mismatch(expected) }
    guard let value = Int(token) ?? Self.wholeNumber(token), range.contains(value) else {
      throw JSONError(expected: expected)
    }
    return value
  }

  /// The value of `1e3` or `12.0`; nil for a fraction, and from 2^53 on, where a `Double` no longer tells neighbours apart.
  private static func wholeNumber(_ token: String) -> Int? {
    Double(token).flatMap { abs($0) < 0x1p53 ? Int(exactly: $0) : nil }
  }

  /// Reads a number.
  /// - Throws: `JSONError` that names the range when the value is no number in it.
  public mutating func double(
    in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
  ) throws(JSONError) -> Double {
    var expected: String {
      range.upperBound < Double.greatestFiniteMagnitude
        ? "a number from \(JSONWriter.text(range.lowerBound)) to \(JSONWriter.text(range.upperBound))" : "a number"
    }
    guard let token = try number() else { throw mismatch(expected) }
    guard let value = Double(token), range.contains(value) else { throw JSONError(expected: expected) }
    return value
  }

  /// Passes over any value and returns its text.
  public mutating func raw() throws(JSONError) -> RawJSON {
    let start = index
    let end = try passOver()
    return RawJSON(trusted: start == 0 && end == bytes.count ? bytes : Array(bytes[start..<end]))
  }

  /// Passes over any value.
  public mutating func skip() throws(JSONError) {
    _ = try passOver()
  }

  // MARK: Tokens

  func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }

  mutating func skipWhitespace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  func syntax(_ expected: String) -> JSONError {
    JSONError(expected: "valid JSON: expected \(expected) at byte \(index)")
  }

  /// What to say where a value of another type stands; where none does, or a broken one, that comes first.
  func mismatch(_ expected: String) -> JSONError {
    var probe = self
    do throws(JSONError) {
      _ = try probe.passOver()
    } catch {
      return error
    }
    return JSONError(expected: expected)
  }

  /// After an element: true when a comma and so another one follows, false at the closing bracket.
  private mutating func hasNext(closing: UInt8) throws(JSONError) -> Bool {
    switch peek() {
    case UInt8(ascii: ","):
      index += 1
      skipWhitespace()
      return true
    case closing:
      index += 1
      skipWhitespace()
      return false
    default:
      throw syntax("a comma or the closing bracket")
    }
  }

  mutating func literal(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count - index >= count else { return false }
    for offset in 0..<count where bytes[index + offset] != text.utf8Start[offset] { return false }
    index += count
    return true
  }

  /// The text of a number, checked against the grammar; nil when the value is of another type.
  private mutating func number() throws(JSONError) -> String? {
    guard let first = peek(), first == UInt8(ascii: "-") || isDigit(first) else { return nil }
    let start = index
    try passOverNumber()
    let token = String(decoding: bytes[start..<index], as: UTF8.self)
    skipWhitespace()
    return token
  }
}

func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
