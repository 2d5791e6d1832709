/// Makes damaged texts of good ones, and bytes of nothing.
public struct Mutator: Sendable {
  public var random: SeededGenerator

  /// What parsers tend to stumble over.
  private static let pieces =
    [
      "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u0000", "\\ud800", "\\udc00\\ud800", "null", "true", "-", "-0",
      "1e999",
      "-1e999", "1e-999", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "0.1e1", "00", "\0",
      "\u{FEFF}", "\u{10FFFF}", "%", "%zz", "%00", "&", "=", "+", "\r\n", "[[[[[[[[", "{\"a\":{\"a\":", "é", "NaN",
      "99999999999999999999999999999999", "2026-13-32T25:61:61Z", "0000-00-00T00:00:00.000Z",
      "\u{1F468}\u{200D}\u{1F469}",
    ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5], [0x80]]

  public init(random: SeededGenerator) { self.random = random }

  public mutating func mutate(_ good: [[UInt8]]) -> [UInt8] {
    if Int.random(in: 0..<20, using: &random) == 0 { return bytes() }
    var text = good.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let place = text.isEmpty ? 0 : Int.random(in: 0...text.count, using: &random)
      let end = min(text.count, place + Int.random(in: 0...12, using: &random))
      switch Int.random(in: 0..<7, using: &random) {
      case 0: text.insert(contentsOf: Self.pieces.randomElement(using: &random) ?? [], at: place)
      case 1: text.replaceSubrange(place..<end, with: Self.pieces.randomElement(using: &random) ?? [])
      case 2: text.removeSubrange(place..<end)
      case 3: text.removeSubrange(place...)
      case 4: text.insert(contentsOf: text[place..<end], at: place)
      case 5 where place < text.count: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 5: text.append(UInt8.random(in: 0...255, using: &random))
      default:
        // A part of another good one.
        let other = good.randomElement(using: &random) ?? []
        let start = other.isEmpty ? 0 : Int.random(in: 0..<other.count, using: &random)
        text.replaceSubrange(place..<end, with: other[start..<min(other.count, start + 40)])
      }
    }
    return text
  }

  private mutating func bytes() -> [UInt8] {
    (0..<Int.random(in: 0..<200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
  }
}
