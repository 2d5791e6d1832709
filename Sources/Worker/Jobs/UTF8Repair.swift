/// Makes text of whatever a program wrote: bytes that are not UTF-8, and U+0000, become U+FFFD.
///
/// Chunks end anywhere, so the start of a character at the end of one waits for the next.
struct UTF8Repair: Sendable {
  private var rest: [UInt8] = []

  /// What can be said of the bytes so far.
  mutating func feed(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    rest.append(contentsOf: bytes)
    let held = Self.incompleteSuffix(rest)
    let whole = rest.dropLast(held)
    let text = Self.repaired(whole)
    rest = Array(rest.suffix(held))
    return text
  }

  /// What is left when nothing follows.
  mutating func finish() -> [UInt8] {
    defer { rest = [] }
    return Self.repaired(rest[...])
  }

  private static func repaired(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var text = Array(String(decoding: bytes, as: UTF8.self).utf8)
    guard text.contains(0) else { return text }
    text = text.flatMap { $0 == 0 ? [0xEF, 0xBF, 0xBD] : [$0] }
    return text
  }

  /// How many bytes at the end begin a character that is not yet whole.
  private static func incompleteSuffix(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let byte = bytes[bytes.count - length]
      if byte & 0b1100_0000 == 0b1000_0000 { continue }
      let needed =
        switch byte {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
      return needed > length ? length : 0
    }
    return 0
  }
}
