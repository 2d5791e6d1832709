// What is generic here is inlinable: in other modules it would be the one for all types, which asks at each step what it
// reads or writes.

/// A value that writes itself as JSON.
public protocol JSONEncodable {
  func write(to writer: inout JSONWriter)
}

/// A value that reads itself from JSON.
public protocol JSONDecodable {
  /// - Throws: `JSONError` that names the field and what was expected there.
  init(from reader: inout JSONReader) throws(JSONError)
}

extension JSONEncodable {
  /// The value as a JSON text.
  @inlinable
  public var json: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }
}

extension JSONDecodable {
  /// Reads the value from a whole JSON text.
  /// - Throws: `JSONError` that names the field and what was expected there.
  @inlinable
  public init(json bytes: [UInt8]) throws(JSONError) {
    var reader = try JSONReader(bytes)
    try self.init(from: &reader)
    try reader.end()
  }
}

extension JSONReader {
  /// Reads a value that describes itself.
  @inlinable
  public mutating func value<Value: JSONDecodable>(_ type: Value.Type = Value.self) throws(JSONError) -> Value {
    try Value(from: &self)
  }

  /// Reads an array of values that describe themselves.
  @inlinable
  public mutating func values<Value: JSONDecodable>(_ type: Value.Type = Value.self) throws(JSONError) -> [Value] {
    var values: [Value] = []
    try array { reader throws(JSONError) in values.append(try Value(from: &reader)) }
    return values
  }

  /// Reads `null` as nil, anything else with `read`.
  @inlinable
  public mutating func optional<Value>(
    _ read: (inout JSONReader) throws(JSONError) -> Value
  ) throws(JSONError) -> Value? {
    null() ? nil : try read(&self)
  }
}

extension String: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) { writer.value(self) }
  public init(from reader: inout JSONReader) throws(JSONError) { self = try reader.string() }
}

extension RawJSON: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) { writer.value(self) }
  public init(from reader: inout JSONReader) throws(JSONError) { self = try reader.raw() }
}

extension JSONReader {
  /// Whether the next value is a string, for errors that say more than "a string".
  public var peekIsString: Bool { peek() == UInt8(ascii: "\"") }
}
