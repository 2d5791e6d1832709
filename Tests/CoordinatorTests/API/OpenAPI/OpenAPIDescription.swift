import Foundation

/// docs/openapi.yaml, and whether an answer is as it says.
struct OpenAPIDescription: Sendable {
  static let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../../../docs/openapi.yaml"
  )
  .standardized.path
  static let shared = Result { try OpenAPIDescription(text: String(contentsOfFile: path, encoding: .utf8)) }

  let root: Node

  init(text: String) throws { root = try YAML.read(text) }

  /// Every method and path.
  var operations: Set<String> {
    var operations: Set<String> = []
    for (path, item) in root["paths"]?.fields ?? [:] {
      for method in item.fields.keys where method != "parameters" {
        operations.insert("\(method.uppercased()) \(path)")
      }
    }
    return operations
  }

  /// What is wrong with an answer; nothing if it is as described.
  func complaints(
    method: String, path: String, status: Int, headers: [String: String], body: [UInt8]
  ) -> [String] {
    let path = path.prefix { $0 != "?" }
    let what = "\(method) \(path) → \(status)"
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    let matching = (root["paths"]?.fields ?? [:]).filter { template, _ in
      let parts = template.split(separator: "/", omittingEmptySubsequences: false)
      return parts.count == segments.count && zip(parts, segments).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
    }
    // The path without a parameter is meant where both are there.
    guard let (_, item) = matching.min(by: { $0.key.count { $0 == "{" } < $1.key.count { $0 == "{" } }) else {
      return [404, 414, 431].contains(status) ? [] : ["\(what): the path is not described"]
    }
    guard let operation = item[(method == "HEAD" ? "GET" : method).lowercased()] else {
      return status == 405 ? [] : ["\(what): the method is not described"]
    }
    guard let answer = operation["responses"]?["\(status)"].map(resolve) else {
      return ["\(what): the status is not described"]
    }
    var complaints: [String] = []
    for (name, header) in answer["headers"]?.fields ?? [:] {
      let header = resolve(header)
      guard let text = headers[name.lowercased()] else {
        if header["required"] == .bool(true) { complaints.append("\(what): the header \(name) is missing") }
        continue
      }
      let value = resolve(header["schema"] ?? .null)["type"] == .string("string") ? .string(text) : Node(plain: text)
      complaints += check(value, header["schema"] ?? .null, at: "\(what) \(name)")
    }
    guard method != "HEAD", let content = answer["content"]?.fields else {
      if !body.isEmpty { complaints.append("\(what): a body is not described") }
      return complaints
    }
    let type = headers["content-type"].map { String($0.prefix { $0 != ";" }) } ?? "none"
    guard let media = content[type] ?? content["*/*"] else {
      return complaints + ["\(what): the content type \(type) is not described"]
    }
    if type.hasSuffix("json"), content[type] != nil, let schema = media["schema"] {
      do {
        complaints += check(try Node(json: body), schema, at: what)
      } catch {
        complaints.append("\(what): \(error)")
      }
    }
    return complaints
  }

  func resolve(_ node: Node) -> Node {
    guard let reference = node["$ref"]?.text else { return node }
    return reference.split(separator: "/").dropFirst().reduce(root) { $0[String($1)] ?? .null }
  }
}

// MARK: - Schemas

extension OpenAPIDescription {
  /// Checks a value against a schema, as far as this document uses JSON Schema.
  func check(_ value: Node, _ schema: Node, at place: String) -> [String] {
    let schema = resolve(schema)
    var complaints: [String] = []
    func complain(_ what: String) { complaints.append("\(place): \(what)") }

    let types = schema["type"].map { $0.text.map { [$0] } ?? $0.items.compactMap(\.text) } ?? []
    if !types.isEmpty, !types.contains(where: { Self.is(value, $0) }) {
      return ["\(place): is not \(types.joined(separator: " or "))"]
    }
    if let choices = schema["enum"]?.items, !choices.contains(value) { complain("is none of the words") }
    if let constant = schema["const"], constant != value { complain("is not the constant") }
    if let choices = schema["oneOf"]?.items {
      let fitting = choices.filter { check(value, $0, at: place).isEmpty }
      if fitting.count != 1 { complain("fits \(fitting.count) of \(choices.count)") }
    }
    switch value {
    case .string(let text):
      if let pattern = schema["pattern"]?.text, text.range(of: pattern, options: .regularExpression) == nil {
        complain("does not match \(pattern)")
      }
      if let limit = schema["maxLength"]?.number, Double(text.unicodeScalars.count) > limit { complain("is too long") }
      switch schema["format"]?.text {
      case "uuid":
        if UUID(uuidString: text) == nil || text != text.lowercased() { complain("is no UUID in lower case") }
      case "date-time":
        let pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"
        if text.range(of: pattern, options: .regularExpression) == nil { complain("is no instant") }
      default: break
      }
    case .number(let number):
      if let limit = schema["minimum"]?.number, number < limit { complain("is too small") }
      if let limit = schema["maximum"]?.number, number > limit { complain("is too large") }
    case .array(let items):
      if let limit = schema["maxItems"]?.number, Double(items.count) > limit { complain("has too many items") }
      if let schema = schema["items"] {
        for (index, item) in items.enumerated() { complaints += check(item, schema, at: "\(place)[\(index)]") }
      }
    case .object(let fields):
      for name in schema["required"]?.items.compactMap(\.text) ?? [] where fields[name] == nil {
        complain("\(name) is missing")
      }
      guard let properties = schema["properties"]?.fields else { break }
      for (name, field) in fields {
        // What is not described is not promised: answers hold nothing that the document does not name.
        guard let schema = properties[name] else {
          complain("\(name) is not described")
          continue
        }
        complaints += check(field, schema, at: "\(place).\(name)")
      }
    case .null, .bool: break
    }
    return complaints
  }

  private static func `is`(_ value: Node, _ type: String) -> Bool {
    switch (value, type) {
    case (.null, "null"), (.bool, "boolean"), (.number, "number"), (.string, "string"), (.array, "array"),
      (.object, "object"):
      true
    case (.number(let number), "integer"): number == number.rounded()
    default: false
    }
  }
}
