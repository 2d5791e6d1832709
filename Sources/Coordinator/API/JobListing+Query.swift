import BatonShared

extension JobListing {
  /// Reads the parameters of `GET /jobs`.
  /// - Throws: `Problem` that names the parameter.
  init(query: QueryString) throws(Problem) {
    for (name, text) in query.parameters {
      switch name {
      case "status":
        guard let word = JobStatus(rawValue: text) else {
          let words = JobStatus.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
          throw Problem(.invalidRequest, "'status' must be one of \(words)")
        }
        status = word
      case "queue": queue = try Self.name("queue", text)
      case "kind": kind = try Self.name("kind", text)
      case "limit":
        limit = try PageRequest.limit(text)
      case "cursor":
        guard let id = JobID(text) else { throw PageRequest.noCursor }
        before = id
      case _ where name.hasPrefix("tag.") && name.utf8.count > 4:
        tags[String(name.dropFirst(4))] = text
      default: throw Problem.unknownParameter(name)
      }
    }
  }

  private static func name(_ parameter: String, _ text: String) throws(Problem) -> String {
    guard Names.isValid(text) else { throw Problem(.invalidRequest, "'\(parameter)' must be \(Names.expected)") }
    return text
  }
}
