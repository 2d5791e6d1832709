/// Which of the worker's environment variables the programs of jobs are given.
struct PassedVariables: Sendable, Equatable {
  /// The worker's right to speak to the coordinator, and where it is.
  private static let secrets: Set = ["BATON_TOKEN", "BATON_TOKEN_FILE"]
  /// What hardly any program does without.
  private static let basic: Set = ["HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"]

  private let names: Set<String>
  private let prefixes: [String]

  /// - Parameter entries: Names; one that ends in `*` is the beginning of names, and `*` alone means all.
  init(_ entries: [String]) {
    names = Set(entries.filter { !$0.hasSuffix("*") })
    prefixes = entries.filter { $0.hasSuffix("*") }.map { String($0.dropLast()) }
  }

  func filter(_ environment: [String: String]) -> [String: String] { environment.filter { passes($0.key) } }

  private func passes(_ name: String) -> Bool {
    !Self.secrets.contains(name)
      && (Self.basic.contains(name) || names.contains(name) || prefixes.contains { name.hasPrefix($0) })
  }

  /// Whether it is something that ``init(_:)`` is meant for.
  static func isValid(_ entry: String) -> Bool {
    let name = entry.hasSuffix("*") ? entry.dropLast() : entry[...]
    return !secrets.contains(entry) && !entry.isEmpty && !name.contains { $0 == "*" || $0 == "=" || $0.isWhitespace }
  }
}
