import BatonJSON
import Testing

@Suite struct ReaderTests {
  private func read<Value>(
    _ text: String, _ body: (inout JSONReader) throws(JSONError) -> Value
  ) throws(JSONError) -> Value {
    var reader = try JSONReader(Array(text.utf8))
    let value = try body(&reader)
    try reader.end()
    return value
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("42", 42), ("-7", -7), ("1e3", 1000), ("12.0", 12), ("1.5e1", 15),
    ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
  ])
  func aWholeNumberIsReadHoweverItIsWritten(text: String, value: Int) throws {
    #expect(try read(text) { reader throws(JSONError) in try reader.int() } == value)
  }

  @Test(arguments: [
    "1.5", "9223372036854775808", "-9223372036854775809", "1e400", "1e19", "true", "\"1\"", "null", "[]",
  ])
  func whatIsNoIntegerIsRefused(text: String) {
    #expect(throws: JSONError(expected: "an integer")) {
      try read(text) { reader throws(JSONError) in try reader.int() }
    }
  }

  /// Where no value stands, or a broken one, its type is not what is wrong.
  @Test(arguments: ["", "tru", "}", "[1", #"{"a":}"#, #""cut"#, "-", "'x'"])
  func whatIsNoValueIsNotOfAnotherType(text: String) {
    for wanted in ["string", "integer", "number", "boolean", "object", "array"] {
      let error = #expect(throws: JSONError.self) {
        try read(text) { reader throws(JSONError) in
          switch wanted {
          case "string": _ = try reader.string()
          case "integer": _ = try reader.int()
          case "number": _ = try reader.double()
          case "boolean": _ = try reader.bool()
          case "object": try reader.object { _, reader throws(JSONError) in try reader.skip() }
          default: try reader.array { reader throws(JSONError) in try reader.skip() }
          }
        }
      }
      #expect(error?.expected.hasPrefix("valid JSON: expected ") == true, "\(wanted): \(error?.description ?? "")")
    }
  }

  @Test(arguments: ["0", "11", "-1", "5.5", "\"5\""])
  func anIntegerOutOfItsRangeIsToldTheRange(text: String) {
    #expect(throws: JSONError(expected: "an integer from 1 to 10")) {
      try read(text) { reader throws(JSONError) in try reader.int(in: 1...10) }
    }
  }

  @Test(arguments: [
    ("0", 0.0), ("-0.5", -0.5), ("1e-3", 0.001), ("1.7976931348623157e308", Double.greatestFiniteMagnitude),
  ])
  func aNumberIsRead(text: String, value: Double) throws {
    #expect(try read(text) { reader throws(JSONError) in try reader.double() } == value)
  }

  @Test(arguments: ["1e309", "-1e309", "\"1\"", "null", "true"])
  func whatIsNoFiniteNumberIsRefused(text: String) {
    #expect(throws: JSONError(expected: "a number")) {
      try read(text) { reader throws(JSONError) in try reader.double() }
    }
  }

  @Test(arguments: ["-0.001", "60.5", "1e999"])
  func aNumberOutOfItsRangeIsToldTheRange(text: String) {
    #expect(throws: JSONError(expected: "a number from 0 to 60")) {
      try read(text) { reader throws(JSONError) in try reader.double(in: 0...60) }
    }
  }

  @Test func escapesBecomeTheirCharacters() throws {
    let text = #""a\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00z""#
    let value = try read(text) { reader throws(JSONError) in try reader.string() }
    #expect(Array(value.utf8) == Array("a\"\\/\u{8}\u{C}\n\r\tAé€😀z".utf8))
  }

  @Test func charactersThatCombineStayAsTheyCame() throws {
    // The escaped combining mark must not be normalised together with the letter before it.
    let value = try read(#""e\u0301\r\n""#) { reader throws(JSONError) in try reader.string() }
    #expect(Array(value.unicodeScalars.map(\.value)) == [0x65, 0x301, 0x0D, 0x0A])
  }

  @Test(arguments: [("true", true), (" false ", false)])
  func booleansAreRead(text: String, value: Bool) throws {
    #expect(try read(text) { reader throws(JSONError) in try reader.bool() } == value)
  }

  @Test func nullIsTakenOnlyWhenItIsThere() throws {
    #expect(
      try read("[null,1]") { reader throws(JSONError) -> [Bool] in
        var seen: [Bool] = []
        try reader.array { reader throws(JSONError) in
          let isNull = reader.null()
          if !isNull { try reader.skip() }
          seen.append(isNull)
        }
        return seen
      } == [true, false])
  }

  @Test(arguments: ["1 2", "1,", "1]", "1 x"])
  func whatFollowsTheValueIsRefused(text: String) {
    #expect(throws: JSONError.self) { try read(text) { reader throws(JSONError) in try reader.int() } }
  }

  @Test func aValueOfTheWrongTypeNamesWhatWasExpected() {
    #expect(throws: JSONError(expected: "a string")) {
      try read("1") { reader throws(JSONError) in try reader.string() }
    }
    #expect(throws: JSONError(expected: "true or false")) {
      try read("0") { reader throws(JSONError) in try reader.bool() }
    }
    #expect(throws: JSONError(expected: "an array")) {
      try read("{}") { reader throws(JSONError) in try reader.array { reader throws(JSONError) in try reader.skip() } }
    }
    #expect(throws: JSONError(expected: "an object")) {
      try read("[]") { reader throws(JSONError) in
        try reader.object { _, reader throws(JSONError) in try reader.skip() }
      }
    }
  }

  /// A stand-in for any message: `{"jobs":[{"priority":…,"tags":[…]}]}`.
  private struct Sample: JSONDecodable {
    init(from reader: inout JSONReader) throws(JSONError) {
      try reader.object { _, reader throws(JSONError) in
        try reader.array { reader throws(JSONError) in
          try reader.object { key, reader throws(JSONError) in
            switch key {
            case "priority": _ = try reader.int(in: -100...100)
            case "matrix":
              try reader.array { reader throws(JSONError) in
                try reader.array { reader throws(JSONError) in _ = try reader.bool() }
              }
            default: throw JSONError(expected: "left out: there is no such field")
            }
          }
        }
      }
    }
  }

  @Test(arguments: [
    (
      #"{"jobs":[{},{},{},{"priority":101}]}"#, "jobs[3].priority",
      "'jobs[3].priority' must be an integer from -100 to 100"
    ),
    (#"{"jobs":[{"other":1}]}"#, "jobs[0].other", "'jobs[0].other' must be left out: there is no such field"),
    (
      #"{"jobs":[{"matrix":[[true],[false,1]]}]}"#, "jobs[0].matrix[1][1]",
      "'jobs[0].matrix[1][1]' must be true or false"
    ),
    (#"{"jobs":{}}"#, "jobs", "'jobs' must be an array"),
    (#"[]"#, "", "the body must be an object"),
  ])
  func anErrorNamesThePathOfItsField(text: String, field: String, description: String) {
    #expect {
      try Sample(json: Array(text.utf8))
    } throws: { error in
      guard let error = error as? JSONError else { return false }
      return error.field == field && error.description == description
    }
  }

  @Test func anErrorNeverQuotesTheValue() {
    #expect {
      try Sample(json: Array(#"{"jobs":[{"priority":"hunter2"}]}"#.utf8))
    } throws: { error in
      !"\(error)".contains("hunter2")
    }
  }

  @Test func aRawValueCanBeReadLater() throws {
    let raw = try read(#"{"a": [1, 2.50] }"#) { reader throws(JSONError) -> RawJSON in
      var found = RawJSON.null
      try reader.object { _, reader throws(JSONError) in found = try reader.raw() }
      return found
    }
    #expect(raw.description == "[1, 2.50]")
    var reader = raw.reader()
    var numbers: [Double] = []
    try reader.array { reader throws(JSONError) in numbers.append(try reader.double()) }
    #expect(numbers == [1, 2.5])
  }
}
