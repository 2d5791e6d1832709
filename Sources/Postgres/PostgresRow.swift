#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One row of a result. Values are read by column name or by index (a little faster).
///
/// Every function throws ``PostgresError/decoding(_:)`` with the column's name if there is no such column, if it is of
/// another type, or (for those without `OrNil`) if it is NULL.
public struct PostgresRow: Sendable {
  let storage: ResultStorage
  let row: Int

  /// The index of the column with that name.
  public func index(of column: String) throws(PostgresError) -> Int {
    // A result has few columns and their names are short: comparing beats hashing.
    for index in storage.columns.indices where storage.columns[index].name == column { return index }
    throw .decoding("there is no column \(column)")
  }

  /// Whether the value is NULL.
  public func isNull(_ column: String) throws(PostgresError) -> Bool { isNull(try index(of: column)) }
  /// Whether the value is NULL.
  public func isNull(_ index: Int) -> Bool { cell(index).length < 0 }
}

// MARK: - By index

extension PostgresRow {
  /// `text`, `varchar`, `char`, `name`, `json`, `jsonb`, or an enumeration's label.
  public func textOrNil(_ index: Int) throws(PostgresError) -> String? {
    switch type(index) {
    case OID.text, OID.varchar, OID.name, OID.blankPaddedChar, OID.char, OID.unknown, OID.json:
      return value(index) { String(decoding: $0, as: UTF8.self) }
    case OID.jsonb:
      return value(index) { String(decoding: $0.dropFirst(), as: UTF8.self) }
    case OID.firstUserDefined...:
      guard !isNull(index) else { return nil }
      // Enumerations are sent as their label. Other user-defined types are rarely valid UTF-8 without a NUL.
      guard let text = value(index, { String(validating: $0, as: UTF8.self) }) ?? nil, !text.utf8.contains(0) else {
        throw mismatch(index, "text")
      }
      return text
    default: throw mismatch(index, "text")
    }
  }

  /// `smallint`, `integer`, `bigint` or `oid`.
  public func intOrNil(_ index: Int) throws(PostgresError) -> Int? {
    switch type(index) {
    case OID.int8: value(index) { Int($0.bigEndian(Int64.self)) }
    case OID.int4: value(index) { Int($0.bigEndian(Int32.self)) }
    case OID.int2: value(index) { Int($0.bigEndian(Int16.self)) }
    case OID.oid: value(index) { Int($0.bigEndian(UInt32.self)) }
    default: throw mismatch(index, "an integer")
    }
  }

  /// `double precision` or `real`.
  public func doubleOrNil(_ index: Int) throws(PostgresError) -> Double? {
    switch type(index) {
    case OID.float8: value(index) { Double(bitPattern: $0.bigEndian(UInt64.self)) }
    case OID.float4: value(index) { Double(Float(bitPattern: $0.bigEndian(UInt32.self))) }
    default: throw mismatch(index, "a floating-point number")
    }
  }

  /// `boolean`.
  public func boolOrNil(_ index: Int) throws(PostgresError) -> Bool? {
    try expect(OID.bool, index, "a boolean")
    return value(index) { $0.first != 0 }
  }

  /// `uuid`.
  public func uuidOrNil(_ index: Int) throws(PostgresError) -> UUID? {
    try expect(OID.uuid, index, "a uuid")
    return value(index) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
  }

  /// `bytea`, or the text of `json`, `jsonb`, `text` or `varchar` as bytes.
  public func bytesOrNil(_ index: Int) throws(PostgresError) -> [UInt8]? {
    switch type(index) {
    case OID.bytea, OID.json, OID.text, OID.varchar, OID.unknown: value(index) { Array($0) }
    case OID.jsonb: value(index) { Array($0.dropFirst()) }
    default: throw mismatch(index, "bytes")
    }
  }

  /// `timestamp with time zone`, in microseconds since 1970-01-01 00:00 UTC; infinities are `Int64.max` and `.min`.
  public func timestampOrNil(_ index: Int) throws(PostgresError) -> Int64? {
    try expect(OID.timestamptz, index, "a timestamp with time zone")
    return value(index) { PostgresTime.toUnix($0.bigEndian(Int64.self)) }
  }

  /// `text[]` of one dimension without NULLs in it.
  public func textArrayOrNil(_ index: Int) throws(PostgresError) -> [String]? {
    try expect(OID.textArray, index, "an array of texts")
    guard !isNull(index) else { return nil }
    guard let texts = value(index, { Self.texts(in: $0) }) ?? nil else {
      throw .decoding("column \(name(index)) holds NULLs or several dimensions")
    }
    return texts
  }

  /// `text`, `varchar`, `char`, `name`, `json`, `jsonb`, or an enumeration's label.
  public func text(_ index: Int) throws(PostgresError) -> String { try require(textOrNil(index), index) }
  /// `smallint`, `integer`, `bigint` or `oid`.
  public func int(_ index: Int) throws(PostgresError) -> Int { try require(intOrNil(index), index) }
  /// `double precision` or `real`.
  public func double(_ index: Int) throws(PostgresError) -> Double { try require(doubleOrNil(index), index) }
  /// `boolean`.
  public func bool(_ index: Int) throws(PostgresError) -> Bool { try require(boolOrNil(index), index) }
  /// `uuid`.
  public func uuid(_ index: Int) throws(PostgresError) -> UUID { try require(uuidOrNil(index), index) }
  /// `bytea`, or the text of `json`, `jsonb`, `text` or `varchar` as bytes.
  public func bytes(_ index: Int) throws(PostgresError) -> [UInt8] { try require(bytesOrNil(index), index) }
  /// `timestamp with time zone`, in microseconds since 1970-01-01 00:00 UTC.
  public func timestamp(_ index: Int) throws(PostgresError) -> Int64 { try require(timestampOrNil(index), index) }
  /// `text[]` of one dimension without NULLs in it.
  public func textArray(_ index: Int) throws(PostgresError) -> [String] { try require(textArrayOrNil(index), index) }
}

// MARK: - By name

extension PostgresRow {
  /// `text`, `varchar`, `char`, `name`, `json`, `jsonb`, or an enumeration's label.
  public func text(_ column: String) throws(PostgresError) -> String { try text(index(of: column)) }
  /// `text`, `varchar`, `char`, `name`, `json`, `jsonb`, or an enumeration's label; nil for NULL.
  public func textOrNil(_ column: String) throws(PostgresError) -> String? { try textOrNil(index(of: column)) }
  /// `smallint`, `integer`, `bigint` or `oid`.
  public func int(_ column: String) throws(PostgresError) -> Int { try int(index(of: column)) }
  /// `smallint`, `integer`, `bigint` or `oid`; nil for NULL.
  public func intOrNil(_ column: String) throws(PostgresError) -> Int? { try intOrNil(index(of: column)) }
  /// `double precision` or `real`.
  public func double(_ column: String) throws(PostgresError) -> Double { try double(index(of: column)) }
  /// `double precision` or `real`; nil for NULL.
  public func doubleOrNil(_ column: String) throws(PostgresError) -> Double? { try doubleOrNil(index(of: column)) }
  /// `boolean`.
  public func bool(_ column: String) throws(PostgresError) -> Bool { try bool(index(of: column)) }
  /// `boolean`; nil for NULL.
  public func boolOrNil(_ column: String) throws(PostgresError) -> Bool? { try boolOrNil(index(of: column)) }
  /// `uuid`.
  public func uuid(_ column: String) throws(PostgresError) -> UUID { try uuid(index(of: column)) }
  /// `uuid`; nil for NULL.
  public func uuidOrNil(_ column: String) throws(PostgresError) -> UUID? { try uuidOrNil(index(of: column)) }
  /// `bytea`, or the text of `json`, `jsonb`, `text` or `varchar` as bytes.
  public func bytes(_ column: String) throws(PostgresError) -> [UInt8] { try bytes(index(of: column)) }
  /// `bytea`, or the text of `json`, `jsonb`, `text` or `varchar` as bytes; nil for NULL.
  public func bytesOrNil(_ column: String) throws(PostgresError) -> [UInt8]? { try bytesOrNil(index(of: column)) }
  /// `timestamp with time zone`, in microseconds since 1970-01-01 00:00 UTC.
  public func timestamp(_ column: String) throws(PostgresError) -> Int64 { try timestamp(index(of: column)) }
  /// `timestamp with time zone`, in microseconds since 1970-01-01 00:00 UTC; nil for NULL.
  public func timestampOrNil(_ column: String) throws(PostgresError) -> Int64? {
    try timestampOrNil(index(of: column))
  }
  /// `text[]` of one dimension without NULLs in it.
  public func textArray(_ column: String) throws(PostgresError) -> [String] { try textArray(index(of: column)) }
  /// `text[]` of one dimension without NULLs in it; nil for NULL.
  public func textArrayOrNil(_ column: String) throws(PostgresError) -> [String]? {
    try textArrayOrNil(index(of: column))
  }
}

// MARK: - Inside

extension PostgresRow {
  private func type(_ index: Int) -> UInt32 { storage.columns[index].type }
  private func name(_ index: Int) -> String { storage.columns[index].name }

  private func cell(_ index: Int) -> ResultStorage.Cell {
    precondition(index >= 0 && index < storage.columns.count, "column \(index) of \(storage.columns.count)")
    return storage.cells[row * storage.columns.count + index]
  }

  /// Calls `body` with the value's bytes; nil if it is NULL.
  private func value<T>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> T) -> T? {
    let cell = cell(index)
    guard cell.length >= 0 else { return nil }
    return storage.bytes.withUnsafeBytes { bytes in
      body(UnsafeRawBufferPointer(rebasing: bytes[cell.offset..<cell.offset + Int(cell.length)]))
    }
  }

  private func require<T>(_ value: T?, _ index: Int) throws(PostgresError) -> T {
    guard let value else { throw .decoding("column \(name(index)) is NULL") }
    return value
  }

  private func expect(_ oid: UInt32, _ index: Int, _ expected: String) throws(PostgresError) {
    if type(index) != oid { throw mismatch(index, expected) }
  }

  private func mismatch(_ index: Int, _ expected: String) -> PostgresError {
    let advice = type(index) == OID.numeric ? "; cast it to bigint or double precision in the statement" : ""
    return .decoding("column \(name(index)) is \(OID.describe(type(index))), not \(expected)\(advice)")
  }

  /// The elements of a binary array of texts; nil if it has several dimensions or a NULL.
  private static func texts(in bytes: UnsafeRawBufferPointer) -> [String]? {
    let dimensions = bytes.bigEndian(Int32.self)
    if dimensions == 0 { return [] }
    guard dimensions == 1 else { return nil }
    var texts: [String] = []
    let count = bytes.bigEndian(Int32.self, at: 12)
    texts.reserveCapacity(Int(count))
    var offset = 20
    for _ in 0..<count {
      let length = Int(bytes.bigEndian(Int32.self, at: offset))
      guard length >= 0 else { return nil }
      offset += 4
      texts.append(String(decoding: bytes[offset..<offset + length], as: UTF8.self))
      offset += length
    }
    return texts
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func bigEndian<T: FixedWidthInteger>(_: T.Type, at offset: Int = 0) -> T {
    T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
