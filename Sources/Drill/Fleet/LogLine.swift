import BatonJSON

/// A line of a program's log, in JSON.
struct LogLine: Sendable {
  var message = ""
  /// The fields that are texts or numbers, as texts.
  var fields: [String: String] = [:]

  /// Nil for what is no such line.
  init?(_ line: String) {
    guard line.hasPrefix("{"), var reader = try? JSONReader(Array(line.utf8)) else { return nil }
    var message: String?
    var fields: [String: String] = [:]
    do {
      try reader.object { key, reader throws(JSONError) in
        if reader.peekIsString {
          let text = try reader.string()
          if key == "message" { message = text } else { fields[key] = text }
        } else {
          fields[key] = try reader.raw().description
        }
      }
    } catch {
      return nil
    }
    guard let message else { return nil }
    self.message = message
    self.fields = fields
  }
}
