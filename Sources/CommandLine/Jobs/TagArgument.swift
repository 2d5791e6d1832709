import ArgumentParser

/// `NAME=TEXT`, given as an option.
struct TagArgument: ExpressibleByArgument, Sendable, Hashable {
  let name: String
  let text: String

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else { return nil }
    name = String(argument[..<equals])
    text = String(argument[argument.index(after: equals)...])
  }

  /// - Throws: `ValidationError` when a name comes twice.
  static func dictionary(_ tags: [TagArgument], option: String) throws -> [String: String] {
    var dictionary: [String: String] = [:]
    for tag in tags where dictionary.updateValue(tag.text, forKey: tag.name) != nil {
      throw ValidationError("\(option) \(tag.name) is given twice.")
    }
    return dictionary
  }
}
