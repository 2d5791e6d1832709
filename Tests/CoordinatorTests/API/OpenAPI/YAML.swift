/// Reads the YAML of docs/openapi.yaml: mappings and lists by indentation, flow style that may go on in the lines
/// below, literal blocks and comments that have a line to themselves.
struct YAML {
  private struct Line {
    let indent: Int
    var text: String
  }

  private var lines: [Line] = []
  private var index = 0

  static func read(_ text: String) throws -> Node {
    var reader = YAML()
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let content = line.drop { $0 == " " }
      if content.isEmpty || content.hasPrefix("#") { continue }
      reader.lines.append(Line(indent: line.count - content.count, text: String(content)))
    }
    return try reader.block(indent: 0)
  }

  private mutating func block(indent: Int) throws -> Node {
    guard index < lines.count, lines[index].indent >= indent else { return .null }
    let indent = lines[index].indent
    if let first = lines[index].text.first, "{[".contains(first) { return try flow(below: indent) }
    if lines[index].text.hasPrefix("- ") {
      var items: [Node] = []
      while index < lines.count, lines[index].indent == indent, lines[index].text.hasPrefix("- ") {
        // What follows the dash is a block of its own, two columns further in.
        lines[index] = Line(indent: indent + 2, text: String(lines[index].text.dropFirst(2)))
        items.append(Self.key(of: lines[index].text) == nil ? try flow(below: indent) : try block(indent: indent + 2))
      }
      return .array(items)
    }
    var fields: [String: Node] = [:]
    while index < lines.count, lines[index].indent == indent, let (key, rest) = Self.key(of: lines[index].text) {
      if rest == "|" {
        index += 1
        var text = ""
        while index < lines.count, lines[index].indent > indent {
          text += lines[index].text + "\n"
          index += 1
        }
        fields[key] = .string(text)
      } else if rest.isEmpty {
        index += 1
        fields[key] = try block(indent: indent + 1)
      } else {
        lines[index].text = rest
        fields[key] = try flow(below: indent)
      }
    }
    return .object(fields)
  }

  /// A value that begins in this line, and goes on in those that are further in than `indent`.
  private mutating func flow(below indent: Int) throws -> Node {
    var text = lines[index].text
    index += 1
    while index < lines.count, lines[index].indent > indent {
      text += " " + lines[index].text
      index += 1
    }
    guard let first = text.first, "{['\"".contains(first) else { return Node(plain: text) }
    var reader = FlowReader(text)
    return try reader.value()
  }

  /// `key:` or `key: value`, with a key that may be quoted.
  private static func key(of text: String) -> (String, String)? {
    guard let first = text.first, !"{[".contains(first) else { return nil }
    var key = text[...]
    var rest: Substring
    if first == "'" || first == "\"" {
      guard let end = text.dropFirst().firstIndex(of: first) else { return nil }
      key = text[text.index(after: text.startIndex)..<end]
      rest = text[text.index(after: end)...]
    } else {
      guard let colon = text.firstRange(of: ":") else { return nil }
      key = text[..<colon.lowerBound]
      rest = text[colon.lowerBound...]
      if !rest.dropFirst().isEmpty, !rest.hasPrefix(": ") { return nil }
    }
    guard rest.hasPrefix(":") else { return nil }
    rest = rest.dropFirst()
    return (String(key), String(rest.drop { $0 == " " }))
  }
}
