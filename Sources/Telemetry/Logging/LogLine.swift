import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An event with everything that is written of it.
struct LogLine {
  let time: Date
  let level: Logger.Level
  let label: String
  let message: String
  let metadata: [(key: String, value: Logger.Metadata.Value)]

  func rendered(as format: LogFormat) -> String {
    switch format {
    case .text: text()
    case .json: json()
    }
  }

  private func text() -> String {
    let level = level.rawValue
    let padding = String(repeating: " ", count: max(0, 5 - level.count))
    var line = "\(timestamp()) \(level)\(padding) [\(label)] \(LogEscape.controls(message))"
    for (key, value) in metadata {
      line += " \(LogEscape.controls(key))=\(LogEscape.quotedIfNeeded(value.description))"
    }
    return line
  }

  private func json() -> String {
    let reserved = ["time", "level", "label", "message"]
    var members = zip(reserved, [timestamp(), level.rawValue, label, message])
      .map { "\"\($0)\":\(LogEscape.json($1))" }
    for (key, value) in metadata {
      // A second member of the same name would make readers drop one of the two.
      let key = reserved.contains(key) ? key + "_" : key
      members.append("\(LogEscape.json(key)):\(Self.json(value))")
    }
    return "{\(members.joined(separator: ","))}"
  }

  private static func json(_ value: Logger.Metadata.Value) -> String {
    switch value {
    case .string(let string): LogEscape.json(string)
    case .stringConvertible(let value as any FixedWidthInteger): "\(value)"
    case .stringConvertible(let value as Bool): "\(value)"
    case .stringConvertible(let value as Double) where value.isFinite: "\(value)"
    case .stringConvertible(let value): LogEscape.json(value.description)
    case .array(let values): "[\(values.map(json).joined(separator: ","))]"
    case .dictionary(let members):
      "{\(members.sorted { $0.key < $1.key }.map { "\(LogEscape.json($0)):\(json($1))" }.joined(separator: ","))}"
    }
  }

  /// RFC 3339 in UTC with milliseconds.
  private func timestamp() -> String {
    // The style cuts fractions off, which would turn many a whole millisecond into the one before.
    time.addingTimeInterval(0.000_5).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

/// Keeps one event on one line, whatever somebody put into it.
enum LogEscape {
  /// Control characters (line ends and terminal escapes among them) made visible.
  static func controls(_ text: String) -> String {
    escaped(text) { isControl($0) ? "\\u{\(String($0.value, radix: 16))}" : nil }
  }

  /// Between quotes if the text could not be told from what surrounds it.
  static func quotedIfNeeded(_ text: String) -> String {
    let plain = text.unicodeScalars.allSatisfy {
      !isControl($0) && !$0.properties.isWhitespace && $0 != "\"" && $0 != "=" && $0 != "\\"
    }
    if plain && !text.isEmpty { return text }
    let body = escaped(text) {
      switch $0 {
      case "\"", "\\": "\\\($0)"
      case _ where isControl($0): "\\u{\(String($0.value, radix: 16))}"
      default: nil
      }
    }
    return "\"\(body)\""
  }

  /// A JSON string.
  static func json(_ text: String) -> String {
    let body = escaped(text) {
      switch $0 {
      case "\"", "\\": "\\\($0)"
      case _ where isControl($0) || $0.value == 0x2028 || $0.value == 0x2029:
        "\\u" + String(repeating: "0", count: 4 - String($0.value, radix: 16).count) + String($0.value, radix: 16)
      default: nil
      }
    }
    return "\"\(body)\""
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
  }

  private static func escaped(_ text: String, _ other: (Unicode.Scalar) -> String?) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if let replacement = other(scalar) {
          result += replacement
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }
}
