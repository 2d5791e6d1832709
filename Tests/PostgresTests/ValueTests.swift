import BatonPostgres
import BatonTestSupport
import Foundation
import Testing

@Suite struct ValueTests {
  /// Sends a value and reads it back.
  private func echo<T>(
    _ value: PostgresValue, as type: String, _ read: (PostgresRow) throws -> T
  ) async throws -> T {
    let connection = try await TestDatabase.make().connect()
    let rows = try await connection.query("SELECT $1::\(type) AS value", value)
    try #require(rows.count == 1)
    return try read(rows[0])
  }

  @Test(arguments: [Int64.min, -1, 0, 1, 42, Int64.max])
  func bigintSurvives(_ value: Int64) async throws {
    #expect(try await echo(.int8(value), as: "bigint") { try $0.int("value") } == Int(value))
  }

  @Test func integersOfEverySizeSurvive() async throws {
    let connection = try await TestDatabase.make().connect()
    let rows = try await connection.query(
      "SELECT $1::smallint a, $2::int b, $3::smallint c, $4::int d", .int2(.min), .int4(.max), .int2(nil), .int4(nil))
    #expect(try rows[0].int("a") == Int(Int16.min))
    #expect(try rows[0].int("b") == Int(Int32.max))
    #expect(try rows[0].intOrNil("c") == nil)
    #expect(try rows[0].intOrNil("d") == nil)
  }

  @Test(arguments: [0, -0.0, 1.5, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude])
  func doubleSurvives(_ value: Double) async throws {
    let back = try await echo(.float8(value), as: "double precision") { try $0.double("value") }
    #expect(back.bitPattern == value.bitPattern)
  }

  @Test func notANumberSurvives() async throws {
    #expect(try await echo(.float8(.nan), as: "double precision") { try $0.double("value") }.isNaN)
  }

  @Test(arguments: [
    "", "plain", "ünï©ødé 👩‍👩‍👧‍👦", "line\nbreak\ttab \"quotes\" '; DROP", String(repeating: "x", count: 5000),
  ])
  func textSurvives(_ value: String) async throws {
    #expect(try await echo(.text(value), as: "text") { try $0.text("value") } == value)
  }

  @Test func bytesOfEveryValueSurvive() async throws {
    let bytes = (0..<1024).map { UInt8(truncatingIfNeeded: $0) }
    #expect(try await echo(.bytea(bytes), as: "bytea") { try $0.bytes("value") } == bytes)
    #expect(try await echo(.bytea([]), as: "bytea") { try $0.bytes("value") } == [])
  }

  @Test func sixteenMebibytesSurvive() async throws {
    let bytes = [UInt8](unsafeUninitializedCapacity: 16 << 20) { buffer, count in
      for index in 0..<16 << 20 { buffer[index] = UInt8(truncatingIfNeeded: index &* 2_654_435_761 >> 13) }
      count = 16 << 20
    }
    #expect(try await echo(.bytea(bytes), as: "bytea") { try $0.bytes("value") } == bytes)
  }

  @Test func uuidBoolAndTimeSurvive() async throws {
    let uuid = UUID()
    #expect(try await echo(.uuid(uuid), as: "uuid") { try $0.uuid("value") } == uuid)
    #expect(try await echo(.bool(true), as: "boolean") { try $0.bool("value") })
    #expect(try await !echo(.bool(false), as: "boolean") { try $0.bool("value") })
    for time: Int64 in [0, 1, -1, 1_753_000_000_123_456, .max, .min] {
      #expect(try await echo(.timestamptz(time), as: "timestamptz") { try $0.timestamp("value") } == time)
    }
  }

  @Test func timeIsCountedFromTheUnixEpoch() async throws {
    let connection = try await TestDatabase.make().connect()
    let row = try await connection.query("SELECT '2001-09-09 01:46:40.5+00'::timestamptz AS value")[0]
    #expect(try row.timestamp("value") == 1_000_000_000_500_000)
    let back = try await connection.query(
      "SELECT $1 = '2001-09-09 01:46:40.5+00'::timestamptz", .timestamptz(1_000_000_000_500_000))
    #expect(try back[0].bool(0))
  }

  @Test func jsonKeepsEveryCharacter() async throws {
    let text = #"{"b":1.000, "a":[12345678901234567890],"b":"\u00e9 é"}"#
    #expect(try await echo(.json(Array(text.utf8)), as: "json") { try $0.bytes("value") } == Array(text.utf8))
    #expect(try await echo(.json(Array(text.utf8)), as: "json") { try $0.text("value") } == text)
    #expect(try await echo(.text(#"{"a": 1}"#), as: "jsonb") { try $0.text("value") } == #"{"a": 1}"#)
  }

  @Test func everyTypeCanBeNull() async throws {
    let connection = try await TestDatabase.make().connect()
    let row = try await connection.query(
      """
      SELECT $1::text a, $2::bigint b, $3::double precision c, $4::boolean d, $5::uuid e, $6::bytea f, $7::json g,
        $8::timestamptz h
      """,
      .text(nil), .int8(nil), .float8(nil), .bool(nil), .uuid(nil), .bytea(nil), .json(nil), .timestamptz(nil))[0]
    #expect(try row.textOrNil("a") == nil)
    #expect(try row.intOrNil("b") == nil)
    #expect(try row.doubleOrNil("c") == nil)
    #expect(try row.boolOrNil("d") == nil)
    #expect(try row.uuidOrNil("e") == nil)
    #expect(try row.bytesOrNil("f") == nil)
    #expect(try row.bytesOrNil("g") == nil)
    #expect(try row.timestampOrNil("h") == nil)
    #expect(row.isNull(0))
  }

  @Test func enumerationsAreRead() async throws {
    let connection = try await TestDatabase.make().connect()
    try await connection.query("CREATE TYPE mood AS ENUM ('calm', 'froh')")
    #expect(try await connection.query("SELECT 'froh'::mood")[0].text(0) == "froh")
  }

  @Test func wrongTypesAreNamedAndNotGuessed() async throws {
    let connection = try await TestDatabase.make().connect()
    let row = try await connection.query("SELECT 'x'::text AS words, 1.5::numeric AS price, NULL::int AS nothing")[0]
    #expect(throws: PostgresError.decoding("column words is text, not an integer")) { try row.int("words") }
    #expect(throws: PostgresError.decoding("column nothing is NULL")) { try row.int("nothing") }
    #expect(throws: PostgresError.decoding("there is no column other")) { try row.int("other") }
    let error = #expect(throws: PostgresError.self) { try row.double("price") }
    #expect(error?.description.contains("cast it") == true)
  }
}
