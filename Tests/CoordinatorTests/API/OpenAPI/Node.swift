/// A value of JSON, or of the part of YAML that docs/openapi.yaml is written in.
indirect enum Node: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([Node])
  case object([String: Node])

  subscript(key: String) -> Node? { if case .object(let fields) = self { fields[key] } else { nil } }

  var text: String? { if case .string(let text) = self { text } else { nil } }
  var number: Double? { if case .number(let number) = self { number } else { nil } }
  var items: [Node] { if case .array(let items) = self { items } else { [] } }
  var fields: [String: Node] { if case .object(let fields) = self { fields } else { [:] } }

  /// A scalar that stands without quotes.
  init(plain text: String) {
    switch text {
    case "null", "~", "": self = .null
    case "true": self = .bool(true)
    case "false": self = .bool(false)
    default: self = Double(text).map { .number($0) } ?? .string(text)
    }
  }

  /// Reads JSON.
  init(json bytes: [UInt8]) throws {
    var flow = FlowReader(String(decoding: bytes, as: UTF8.self))
    self = try flow.value()
    guard flow.isAtEnd else { throw FlowReader.Malformed(what: "something after the value") }
  }
}

/// Reads what stands in brackets, quotes or plainly: JSON, and YAML's flow style.
struct FlowReader {
  struct Malformed: Error { let what: String }

  private let characters: [Unicode.Scalar]
  private var index = 0

  init(_ text: String) { characters = Array(text.unicodeScalars) }

  var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return index == characters.count
    }
  }

  private mutating func skipSpace() {
    while index < characters.count, " \n\r\t".unicodeScalars.contains(characters[index]) { index += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard index < characters.count, characters[index] == character else { return false }
    index += 1
    return true
  }

  mutating func value() throws -> Node {
    skipSpace()
    guard index < characters.count else { return .null }
    switch characters[index] {
    case "{":
      index += 1
      var fields: [String: Node] = [:]
      while !take("}") {
        let key = try scalar(endsAtColon: true)
        guard case .string(let name) = key.isQuoted ? key.node : .string(key.text), take(":") else {
          throw Malformed(what: "no colon after \(key.text)")
        }
        fields[name] = try value()
        if !take(",") {
          guard take("}") else { throw Malformed(what: "no comma or brace after \(name)") }
          break
        }
      }
      return .object(fields)
    case "[":
      index += 1
      var items: [Node] = []
      while !take("]") {
        items.append(try value())
        if !take(",") {
          guard take("]") else { throw Malformed(what: "no comma or bracket") }
          break
        }
      }
      return .array(items)
    default: return try scalar(endsAtColon: false).node
    }
  }

  private mutating func scalar(endsAtColon: Bool) throws -> (node: Node, text: String, isQuoted: Bool) {
    skipSpace()
    guard index < characters.count else { throw Malformed(what: "the end") }
    let quote = characters[index]
    var text = String.UnicodeScalarView()
    if quote == "\"" || quote == "'" {
      index += 1
      while true {
        guard index < characters.count else { throw Malformed(what: "an open quote") }
        let character = characters[index]
        index += 1
        if character == quote {
          if quote == "'", index < characters.count, characters[index] == "'" { index += 1 } else { break }
        } else if character == "\\", quote == "\"" {
          try escape(&text)
          continue
        }
        text.append(character)
      }
      return (.string(String(text)), String(text), true)
    }
    while index < characters.count, !",]}".unicodeScalars.contains(characters[index]) {
      if characters[index] == ":", endsAtColon { break }
      text.append(characters[index])
      index += 1
    }
    var words = String(text)
    while let last = words.last, last.isWhitespace { words.removeLast() }
    return (Node(plain: words), words, false)
  }

  private mutating func escape(_ text: inout String.UnicodeScalarView) throws {
    let character = characters[index]
    index += 1
    switch character {
    case "n": text.append("\n")
    case "t": text.append("\t")
    case "r": text.append("\r")
    case "b": text.append("\u{8}")
    case "f": text.append("\u{C}")
    case "u":
      func unit() -> UInt32? {
        guard index + 4 <= characters.count else { return nil }
        defer { index += 4 }
        return UInt32(String(String.UnicodeScalarView(characters[index..<(index + 4)])), radix: 16)
      }
      guard var code = unit() else { throw Malformed(what: "an escape") }
      if (0xD800..<0xDC00).contains(code) {
        index += 2
        guard let low = unit() else { throw Malformed(what: "an escape") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw Malformed(what: "an escape") }
      text.append(scalar)
    default: text.append(character)
    }
  }
}
