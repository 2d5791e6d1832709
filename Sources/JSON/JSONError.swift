/// What is wrong with a JSON text, and where.
///
/// `expected` completes the sentence "FIELD must be …"; it never quotes the offending value, which may be secret.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The path of the offending value, such as `jobs[3].priority`; empty for the whole text.
  public private(set) var field: String
  /// What should have stood there.
  public let expected: String

  public init(field: String = "", expected: String) {
    self.field = field
    self.expected = expected
  }

  /// The same problem, seen from the object that holds it under `key`.
  func under(key: String) -> JSONError {
    var error = self
    error.field = field.isEmpty || field.hasPrefix("[") ? key + field : "\(key).\(field)"
    return error
  }

  /// The same problem, seen from the array that holds it at `index`.
  func under(index: Int) -> JSONError {
    var error = self
    error.field = field.isEmpty || field.hasPrefix("[") ? "[\(index)]\(field)" : "[\(index)].\(field)"
    return error
  }

  public var description: String {
    field.isEmpty ? "the body must be \(expected)" : "'\(field)' must be \(expected)"
  }
}
