import BatonJSON

/// The payload of the kind `exec`.
struct ExecPayload: Sendable, Equatable {
  /// The program and its arguments; at least the program.
  var command: [String] = []
  /// Added to the worker's own environment.
  var environment: [String: String] = [:]
  /// Where it runs; nil for where the worker does.
  var directory: String?
  /// What it gets on standard input, as JSON.
  var input: RawJSON?

  /// - Throws: ``JobFailed`` with the code `invalid_payload` that names the field.
  init(_ payload: RawJSON) throws {
    var command: [String]?
    var environment: [String: String] = [:]
    var directory: String?
    var input: RawJSON?
    try BuiltinPayload.read(payload) { key, reader throws(JSONError) in
      switch key {
      case "command":
        var words: [String] = []
        try reader.array { reader throws(JSONError) in words.append(try Self.argument(&reader)) }
        command = words
      case "env":
        if reader.null() { return }
        try reader.object { name, reader throws(JSONError) in
          guard !name.isEmpty, !name.contains("="), !name.utf8.contains(0) else {
            throw JSONError(expected: "a variable whose name is not empty and has no '='")
          }
          environment[name] = try Self.argument(&reader)
        }
      case "cwd": if !reader.null() { directory = try Self.argument(&reader) }
      case "input": input = try reader.raw()
      // Whatever else a job carries is for the program's own readers of the payload.
      default: try reader.skip()
      }
    }
    guard let command, let program = command.first, !program.isEmpty else {
      throw BuiltinPayload.invalid("payload.command", "an array of strings: a program and its arguments")
    }
    self.command = command
    self.environment = environment
    self.directory = directory
    self.input = input
  }

  /// What can be handed to a program at all.
  private static func argument(_ reader: inout JSONReader) throws(JSONError) -> String {
    let text = try reader.string()
    guard !text.utf8.contains(0) else { throw JSONError(expected: "a string without U+0000") }
    return text
  }
}
