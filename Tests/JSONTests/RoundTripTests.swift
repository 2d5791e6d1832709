import BatonJSON
import BatonTestSupport
import Testing

@Suite struct RoundTripTests {
  /// A JSON value as a tree: what the writer writes and the reader reads back.
  indirect enum Tree: Hashable, JSONEncodable, JSONDecodable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    /// Compared by scalars: equal strings with other scalars are not the same.
    case string([UInt32])
    case array([Tree])
    case object([Pair])

    struct Pair: Hashable {
      var name: [UInt32]
      var value: Tree
    }

    func write(to writer: inout JSONWriter) {
      switch self {
      case .null: writer.null()
      case .bool(let value): writer.value(value)
      case .int(let value): writer.value(value)
      case .double(let value): writer.value(value)
      case .string(let scalars): writer.value(Self.text(scalars))
      case .array(let elements): writer.array(elements)
      case .object(let pairs):
        writer.object { writer in
          for pair in pairs { writer.field(Self.text(pair.name), pair.value) }
        }
      }
    }

    init(from reader: inout JSONReader) throws(JSONError) {
      let text = try reader.raw().description
      var inner = try JSONReader(Array(text.utf8))
      switch text.utf8.first {
      case UInt8(ascii: "n"): self = .null
      case UInt8(ascii: "t"), UInt8(ascii: "f"): self = .bool(try inner.bool())
      case UInt8(ascii: "\""): self = .string(try inner.string().unicodeScalars.map(\.value))
      case UInt8(ascii: "["): self = .array(try inner.values())
      case UInt8(ascii: "{"):
        var pairs: [Pair] = []
        try inner.object { name, reader throws(JSONError) in
          pairs.append(Pair(name: name.unicodeScalars.map(\.value), value: try reader.value()))
        }
        self = .object(pairs)
      default:
        self = Int(text) != nil ? .int(try inner.int()) : .double(try inner.double())
      }
    }

    static func text(_ scalars: [UInt32]) -> String {
      var text = String.UnicodeScalarView()
      for scalar in scalars { text.append(Unicode.Scalar(scalar)!) }
      return String(text)
    }
  }

  private static func scalars(_ random: inout SeededGenerator) -> [UInt32] {
    (0..<Int.random(in: 0..<8, using: &random)).map { _ in
      switch Int.random(in: 0..<5, using: &random) {
      case 0: UInt32.random(in: 1..<0x20, using: &random)
      case 1: [0x22, 0x5C, 0x2F, 0x7F].randomElement(using: &random)!
      case 2: UInt32.random(in: 0x20..<0x7F, using: &random)
      case 3: UInt32.random(in: 0x80..<0xD800, using: &random)
      default: UInt32.random(in: 0xE000...0x10FFFF, using: &random)
      }
    }
  }

  private static func tree(_ depth: Int, _ random: inout SeededGenerator) -> Tree {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .int(Int(truncatingIfNeeded: random.next()) >> Int.random(in: 0..<64, using: &random))
    case 3:
      let value = Double(bitPattern: random.next())
      // A whole number below 2^53 is written as one, and read as an integer.
      return value.isFinite && value != value.rounded() ? .double(value) : .double(0.1)
    case 4: return .string(scalars(&random))
    case 5: return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in tree(depth - 1, &random) })
    default:
      var names: Set<String> = []
      var pairs: [Tree.Pair] = []
      for _ in 0..<Int.random(in: 0..<4, using: &random) {
        let name = scalars(&random)
        if names.insert(Tree.text(name)).inserted { pairs.append(.init(name: name, value: tree(depth - 1, &random))) }
      }
      return .object(pairs)
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func whatIsWrittenIsReadBackTheSame(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for round in 0..<1000 {
      let tree = Self.tree(5, &random)
      let json = tree.json
      #expect(try Tree(json: json) == tree, "seed \(seed), round \(round): \(String(decoding: json, as: UTF8.self))")
      // It is also what a reader passes on untouched.
      #expect(try RawJSON(parsing: json).bytes == json)
    }
  }

  @Test(arguments: [5, 6] as [UInt64])
  func damagedTextsAreRefusedOrReadButNeverTrap(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      var json = Self.tree(4, &random).json
      for _ in 0..<Int.random(in: 1...3, using: &random) where !json.isEmpty {
        let position = Int.random(in: 0..<json.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: json.remove(at: position)
        case 1: json[position] = UInt8(truncatingIfNeeded: random.next())
        default: json.insert(Array(#"{}[]",:\u0dead-+.eE19 "#.utf8).randomElement(using: &random)!, at: position)
        }
      }
      guard let raw = try? RawJSON(parsing: json) else { continue }
      // What is accepted can be read, or names a field that comes twice.
      do {
        _ = try Tree(json: raw.bytes)
      } catch {
        #expect(error.expected == "given once" || error.expected == "a number", "\(raw): \(error)")
      }
    }
  }

  @Test(
    arguments: [
      (0, "0"), (-0.0, "0"), (1, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (1e21, "1e+21"),
      (Double.leastNonzeroMagnitude, "5e-324"),
      (9_007_199_254_740_991, "9007199254740991"), (.infinity, "null"), (.nan, "null"),
    ] as [(Double, String)])
  func numbersAreWrittenAsShortAsTheyReadBack(value: Double, text: String) {
    var writer = JSONWriter()
    writer.value(value)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
  }

  @Test func everyKindOfFieldIsWrittenWithItsCommas() {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("b", true)
      writer.field("i", 1)
      writer.field("none", Int?.none)
      writer.field("d", 1.5)
      writer.field("s", "x\"\\\u{1}\u{1F}\u{7F}é")
      writer.field("raw", RawJSON(trusted: Array("[1, 2]".utf8)))
      writer.field("list", ["a", "b"])
      writer.field("empty", [String]())
      writer.field("o", object: { $0.field("n", Double?.none) })
      writer.key("last")
      writer.null()
    }
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == #"{"b":true,"i":1,"none":null,"d":1.5,"s":"x\"\\\u0001\u001f"# + "\u{7F}é"
        + #"","raw":[1, 2],"list":["a","b"],"empty":[],"o":{"n":null},"last":null}"#)
  }

  @Test func whatNoReaderTakesIsWrittenAsTheReplacementCharacter() throws {
    var writer = JSONWriter()
    writer.value("a\0b")
    var reader = try JSONReader(writer.bytes)
    #expect(try reader.string() == "a\u{FFFD}b")
  }

  @Test(arguments: [
    (0, "0"), (-0.0, "0"), (1.5, "1.5"), (9_007_199_254_740_991, "9007199254740991"),
    (9_007_199_254_740_992, "9007199254740992.0"), (-0x1p63, "-9.223372036854776e+18"),
    (0x1p63, "9.223372036854776e+18"),
  ]) func numbersAreWrittenShort(number: Double, text: String) {
    #expect(JSONWriter.text(number) == text && Double(text) == number)
  }
}
