import BatonJSON
import Testing

@Suite struct GrammarTests {
  @Test(arguments: [
    "null", "true", "false", "0", "-0", "1", "-1", "10", "123456789012345678901234567890", "0.5", "-0.0", "1.25e10",
    "1E5", "1e+5", "1e-5", "0e0", "1.0E-400", "9e9999", "\"\"", "\"a\"", "\"\u{7F}\"", "\"é😀\u{2028}\"", "[]", "{}",
    "[ ]", "{ }",
    "[1,2,3]", "[[],[[]],{}]", "{\"a\":1}", "{\"a\":{\"b\":[{\"c\":null}]}}", " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
    "{\"\":0}", "{\"a\":1,\"a\":2}", #""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""#, #"{"\u0061":1}"#,
  ])
  func aValidTextIsKeptCharacterForCharacter(text: String) throws {
    let trimmed = text.trimmingJSONWhitespace()
    #expect(try RawJSON(parsing: text).description == trimmed)
    var reader = try JSONReader(Array(text.utf8))
    try reader.skip()
    try reader.end()
  }

  @Test(arguments: [
    "", " ", "nul", "nulll", "True", "tru", "truefalse", "NaN", "Infinity", "-Infinity", "undefined", "'a'", "a",
    "+1", "-", "01", "-01", "1.", ".5", "-.5", "1e", "1e+", "1.e5", "0x10", "1_000", "1,2", "--1", "1 2",
    "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1}", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}", "{,}", "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\":1]", "{\"a\":1 \"b\":2}", "{\"a\"::1}", "{\"a\",1}",
    "{\"a\":}", "{null:1}", "[1]]", "{}{}", "null null", "{} x", "\"", "\"a", "\"\\\"", "\"\\", #""\x41""#, #""\'""#,
    #""\u12""#,
    #""\u12g4""#, #""\u""#, #""\U0041""#, #""\ud83d\u""#, "/* c */ 1", "1 // c", "\u{FEFF}1", "\u{FEFF}{}", "\u{A0}1",
    "1\u{0B}",
    "\u{0C}[]",
  ])
  func anInvalidTextIsRefused(text: String) {
    #expect(throws: JSONError.self) { try RawJSON(parsing: text) }
  }

  @Test(arguments: 0..<0x20)
  func aRawControlCharacterInAStringIsRefused(code: Int) {
    let bytes = [UInt8(ascii: "\""), UInt8(code), UInt8(ascii: "\"")]
    #expect(throws: JSONError.self) { try RawJSON(parsing: bytes) }
    #expect(throws: JSONError.self) {
      var reader = try JSONReader(bytes)
      _ = try reader.string()
    }
  }

  @Test(
    arguments: [
      [0x80], [0xC3], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
      [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE], [0xE2, 0x82],
    ] as [[UInt8]])
  func bytesThatAreNotUTF8AreRefused(sequence: [UInt8]) {
    #expect {
      try RawJSON(parsing: [UInt8(ascii: "\"")] + sequence + [UInt8(ascii: "\"")])
    } throws: { error in
      (error as? JSONError)?.expected.contains("UTF-8") == true
    }
  }

  @Test(arguments: ["[", "{\"a\":"])
  func depth512IsTheDeepest(opening: String) throws {
    func nested(_ depth: Int) -> String {
      String(repeating: opening, count: depth - 1) + (opening == "[" ? "[]" : "{}")
        + String(repeating: opening == "[" ? "]" : "}", count: depth - 1)
    }
    _ = try RawJSON(parsing: nested(JSONReader.maximumDepth))
    #expect(JSONReader.maximumDepth == 512)
    #expect(throws: JSONError(expected: "nested at most 512 levels deep")) { try RawJSON(parsing: nested(513)) }
  }

  @Test func aMillionOpenBracketsAreRefusedWithoutHarm() {
    #expect(throws: JSONError.self) { try RawJSON(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)) }
  }

  @Test(arguments: [#""\u0000""#, #"{"a":["x\u0000y"]}"#, #"{"\u0000":1}"#])
  func theCharacterNULIsRefusedHoweverDeep(text: String) {
    #expect(throws: JSONError(expected: "free of the character U+0000")) { try RawJSON(parsing: text) }
  }

  @Test(arguments: [
    #""\ud800""#, #""\udbff""#, #""\udc00""#, #""\uDFFF""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\ud83d""#,
    #""\ud83d\u0041""#, #""\ude00\ud83d""#, #"{"a":[1,{"\ud800":0}]}"#,
  ])
  func aLoneSurrogateIsRefusedBothWays(text: String) {
    #expect {
      try RawJSON(parsing: text)
    } throws: { error in
      (error as? JSONError)?.expected.contains("lone surrogates") == true
    }
  }

  @Test func aDuplicateFieldIsNamed() {
    #expect(throws: JSONError(field: "b", expected: "given once")) {
      var reader = try JSONReader(Array(#"{"b":1,"a":2,"\u0062":3}"#.utf8))
      try reader.object { _, reader throws(JSONError) in try reader.skip() }
    }
  }

  @Test func anObjectThatIsReadHoldsAtMost256Fields() throws {
    func text(_ count: Int) -> [UInt8] {
      Array(("{" + (0..<count).map { "\"f\($0)\":0" }.joined(separator: ",") + "}").utf8)
    }
    func read(_ bytes: [UInt8]) throws {
      var reader = try JSONReader(bytes)
      try reader.object { _, reader throws(JSONError) in try reader.skip() }
    }
    try read(text(JSONReader.maximumFields))
    #expect(throws: JSONError(expected: "an object of at most 256 fields")) { try read(text(257)) }
    // What is only passed on may have any number.
    _ = try RawJSON(parsing: text(1000))
  }
}

extension String {
  func trimmingJSONWhitespace() -> String {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    let bytes = Array(utf8)
    guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(decoding: bytes[first...last], as: UTF8.self)
  }
}
