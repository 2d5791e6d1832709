import BatonPostgres
import BatonTestSupport
import Foundation
import Testing

@Suite struct ArrayTests {
  /// Sends arrays through `unnest`, the way batches are sent.
  private func unnest(_ value: PostgresValue, _ type: String) async throws -> PostgresRows {
    let connection = try await TestDatabase.make().connect()
    return try await connection.query("SELECT * FROM unnest($1::\(type)[]) WITH ORDINALITY AS u(v, n)", value)
  }

  @Test func arraysOfEveryTypeKeepValuesOrderAndNulls() async throws {
    let uuid = UUID()
    let texts: [String?] = ["a", nil, "", "ü"]
    #expect(try await unnest(.textArray(texts), "text").map { try $0.textOrNil(0) } == texts)
    #expect(try await unnest(.int4Array([1, nil, -3]), "int").map { try $0.intOrNil(0) } == [1, nil, -3])
    #expect(try await unnest(.int8Array([.max, nil]), "bigint").map { try $0.intOrNil(0) } == [.max, nil])
    #expect(
      try await unnest(.float8Array([1.5, nil, .infinity]), "float8").map { try $0.doubleOrNil(0) }
        == [1.5, nil, .infinity])
    let flags = [true, nil, false]
    #expect(try await unnest(.boolArray(flags), "bool").map { try $0.boolOrNil(0) } == flags)
    #expect(try await unnest(.uuidArray([uuid, nil]), "uuid").map { try $0.uuidOrNil(0) } == [uuid, nil])
    #expect(
      try await unnest(.jsonArray([Array(#"{"a": 1}"#.utf8), nil]), "json").map { try $0.textOrNil(0) }
        == [#"{"a": 1}"#, nil])
    #expect(
      try await unnest(.byteaArray([[0, 255], [], nil]), "bytea").map { try $0.bytesOrNil(0) } == [[0, 255], [], nil])
    #expect(
      try await unnest(.timestamptzArray([1, nil]), "timestamptz").map { try $0.timestampOrNil(0) } == [1, nil])
  }

  @Test func emptyArraysAreEmptyAndNotNull() async throws {
    let connection = try await TestDatabase.make().connect()
    let row = try await connection.query(
      "SELECT cardinality($1::text[]), cardinality($2::bigint[]), $3::uuid[] IS NULL",
      .textArray([]), .int8Array([]), .uuidArray([]))[0]
    #expect(try row.int(0) == 0)
    #expect(try row.int(1) == 0)
    #expect(try !row.bool(2))
  }

  @Test func textArraysAreRead() async throws {
    let connection = try await TestDatabase.make().connect()
    let row = try await connection.query(
      "SELECT $1::text[] a, '{}'::text[] b, NULL::text[] c, ARRAY['x', NULL] d", .textArray(["one", "", "drei, vier"]))[
        0]
    #expect(try row.textArray("a") == ["one", "", "drei, vier"])
    #expect(try row.textArray("b") == [])
    #expect(try row.textArrayOrNil("c") == nil)
    #expect(throws: PostgresError.self) { try row.textArray("d") }
  }

  @Test func tenThousandElementsGoInOneStatement() async throws {
    let numbers = (0..<10_000).map { Int64($0) }
    let texts = numbers.map { "payload \($0)" }
    let connection = try await TestDatabase.make().connect()
    let rows = try await connection.query(
      "SELECT n, t FROM unnest($1::bigint[], $2::text[]) AS u(n, t) ORDER BY n", .int8Array(numbers), .textArray(texts))
    #expect(rows.affected == 10_000)
    #expect(try rows.map { try $0.int("n") } == numbers.map(Int.init))
    #expect(try rows.last?.text("t") == "payload 9999")
  }
}
