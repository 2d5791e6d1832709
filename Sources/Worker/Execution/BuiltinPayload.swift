import BatonJSON

/// Reads the payloads of the built-in kinds.
enum BuiltinPayload {
  /// Reads an object's fields.
  ///
  /// - Throws: ``JobFailed`` with the code `invalid_payload`, not to be tried again, that names the field.
  static func read(
    _ payload: RawJSON, _ field: (_ key: String, _ reader: inout JSONReader) throws(JSONError) -> Void
  ) throws {
    do {
      var reader = payload.reader()
      try reader.object(field)
    } catch {
      throw invalid(error.field.isEmpty ? "payload" : "payload.\(error.field)", error.expected)
    }
  }

  /// Most likely misspelt: passed over, the job would do something else than was meant.
  static var unknownField: JSONError { JSONError(expected: "left out: there is no such field") }

  static func invalid(_ field: String, _ expected: String) -> JobFailed {
    JobFailed(code: "invalid_payload", message: "'\(field)' must be \(expected)", retryable: false)
  }
}
