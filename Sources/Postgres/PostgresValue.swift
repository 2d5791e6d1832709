#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A parameter of a statement: its type and its bytes in PostgreSQL's binary format. `nil` is NULL.
public struct PostgresValue: Sendable {
  /// The object identifier of the parameter's type.
  let type: UInt32
  /// The binary representation; nil for NULL.
  let bytes: [UInt8]?

  private init(_ type: UInt32, _ bytes: [UInt8]?) {
    self.type = type
    self.bytes = bytes
  }

  private init<T: FixedWidthInteger>(_ type: UInt32, bigEndian value: T?) {
    self.init(type, value.map { value in withUnsafeBytes(of: value.bigEndian) { Array($0) } })
  }

  /// `text`. PostgreSQL cannot hold U+0000 in a text: such a value is refused by the server.
  public static func text(_ value: String?) -> Self { Self(OID.text, value.map { Array($0.utf8) }) }
  /// `smallint`.
  public static func int2(_ value: Int16?) -> Self { Self(OID.int2, bigEndian: value) }
  /// `integer`.
  public static func int4(_ value: Int32?) -> Self { Self(OID.int4, bigEndian: value) }
  /// `bigint`.
  public static func int8(_ value: Int64?) -> Self { Self(OID.int8, bigEndian: value) }
  /// `double precision`.
  public static func float8(_ value: Double?) -> Self { Self(OID.float8, bigEndian: value?.bitPattern) }
  /// `boolean`.
  public static func bool(_ value: Bool?) -> Self { Self(OID.bool, value.map { [$0 ? 1 : 0] }) }
  /// `uuid`.
  public static func uuid(_ value: UUID?) -> Self {
    Self(OID.uuid, value.map { value in withUnsafeBytes(of: value.uuid) { Array($0) } })
  }
  /// `bytea`.
  public static func bytea(_ value: [UInt8]?) -> Self { Self(OID.bytea, value) }
  /// `json`, from the bytes of its text; the server checks it and keeps every character.
  public static func json(_ value: [UInt8]?) -> Self { Self(OID.json, value) }
  /// `timestamp with time zone`, in microseconds since 1970-01-01 00:00 UTC.
  public static func timestamptz(_ value: Int64?) -> Self {
    Self(OID.timestamptz, bigEndian: value.map(PostgresTime.fromUnix))
  }
}

// MARK: - Arrays

extension PostgresValue {
  /// `text[]`.
  public static func textArray(_ values: [String?]) -> Self {
    array(values, OID.textArray, of: OID.text, sizeHint: 40) { bytes, value in
      bytes.append(contentsOf: value.utf8)
    }
  }

  /// `integer[]`.
  public static func int4Array(_ values: [Int32?]) -> Self {
    array(values, OID.int4Array, of: OID.int4, sizeHint: 4) { bytes, value in bytes.append(bigEndian: value) }
  }

  /// `bigint[]`.
  public static func int8Array(_ values: [Int64?]) -> Self {
    array(values, OID.int8Array, of: OID.int8, sizeHint: 8) { bytes, value in bytes.append(bigEndian: value) }
  }

  /// `double precision[]`.
  public static func float8Array(_ values: [Double?]) -> Self {
    array(values, OID.float8Array, of: OID.float8, sizeHint: 8) { bytes, value in
      bytes.append(bigEndian: value.bitPattern)
    }
  }

  /// `boolean[]`.
  public static func boolArray(_ values: [Bool?]) -> Self {
    array(values, OID.boolArray, of: OID.bool, sizeHint: 1) { bytes, value in bytes.append(value ? 1 : 0) }
  }

  /// `uuid[]`.
  public static func uuidArray(_ values: [UUID?]) -> Self {
    array(values, OID.uuidArray, of: OID.uuid, sizeHint: 16) { bytes, value in
      withUnsafeBytes(of: value.uuid) { bytes.append(contentsOf: $0) }
    }
  }

  /// `json[]`, from the bytes of their texts.
  public static func jsonArray(_ values: [[UInt8]?]) -> Self {
    array(values, OID.jsonArray, of: OID.json, sizeHint: nil, measure: \.count) { bytes, value in
      bytes.append(contentsOf: value)
    }
  }

  /// `bytea[]`.
  public static func byteaArray(_ values: [[UInt8]?]) -> Self {
    array(values, OID.byteaArray, of: OID.bytea, sizeHint: nil, measure: \.count) { bytes, value in
      bytes.append(contentsOf: value)
    }
  }

  /// `timestamp with time zone[]`, in microseconds since 1970-01-01 00:00 UTC.
  public static func timestamptzArray(_ values: [Int64?]) -> Self {
    array(values, OID.timestamptzArray, of: OID.timestamptz, sizeHint: 8) { bytes, value in
      bytes.append(bigEndian: PostgresTime.fromUnix(value))
    }
  }

  /// Lays out a one-dimensional array in one buffer: dimensions, null flag, element type, length and lower bound, then
  /// each element behind its length (−1 for NULL).
  private static func array<Element>(
    _ values: [Element?], _ type: UInt32, of elementType: UInt32, sizeHint: Int?,
    measure: (Element) -> Int = { _ in 0 }, append: (inout [UInt8], Element) -> Void
  ) -> Self {
    var bytes: [UInt8] = []
    let payload = sizeHint.map { $0 * values.count } ?? values.reduce(0) { $0 + ($1.map(measure) ?? 0) }
    bytes.reserveCapacity(20 + 4 * values.count + payload)
    bytes.append(bigEndian: Int32(values.isEmpty ? 0 : 1))
    bytes.append(bigEndian: Int32(0))
    bytes.append(bigEndian: elementType)
    guard !values.isEmpty else { return Self(type, bytes) }
    bytes.append(bigEndian: Int32(values.count))
    bytes.append(bigEndian: Int32(1))
    var hasNull = false
    for value in values {
      let lengthAt = bytes.count
      guard let value else {
        bytes.append(bigEndian: Int32(-1))
        hasNull = true
        continue
      }
      bytes.append(bigEndian: Int32(0))
      append(&bytes, value)
      bytes.store(bigEndian: Int32(bytes.count - lengthAt - 4), at: lengthAt)
    }
    if hasNull { bytes.store(bigEndian: Int32(1), at: 4) }
    return Self(type, bytes)
  }
}

extension [UInt8] {
  fileprivate mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  fileprivate mutating func store<T: FixedWidthInteger>(bigEndian value: T, at offset: Int) {
    withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self) }
  }
}

/// PostgreSQL counts microseconds from the year 2000, everybody else from 1970. Its two infinities stay what they are.
enum PostgresTime {
  private static let epoch: Int64 = 946_684_800_000_000

  static func fromUnix(_ microseconds: Int64) -> Int64 {
    if microseconds == .max || microseconds == .min { return microseconds }
    let (value, overflow) = microseconds.subtractingReportingOverflow(epoch)
    return overflow ? .min : value
  }

  static func toUnix(_ microseconds: Int64) -> Int64 {
    if microseconds == .max || microseconds == .min { return microseconds }
    let (value, overflow) = microseconds.addingReportingOverflow(epoch)
    return overflow ? .max : value
  }
}
