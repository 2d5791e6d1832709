internal import Configuration
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads a program's settings by their names: from its flags first, then from the environment.
///
/// A value that is there but wrong is always an error, never replaced by the default. An empty environment variable
/// counts as unset; an empty flag is a value. White space around values is dropped.
public struct SettingsReader: Sendable {
  /// Gathers the problems of one `collect`.
  private final class Problems: Sendable {
    let list = Mutex<[SettingsError.Problem]>([])
  }

  // All values are read as text and parsed here: asked for another type, the library answers "not there" for a value
  // that does not parse.
  private let reader: ConfigReader
  private var problems: Problems?

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - flags: What was given on the command line, by the name of the environment variable; `nil` is not given.
  ///   - environment: The environment, normally that of the process.
  public init(
    flags: [String: String?] = [:], environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    for case (let name, let value?) in flags {
      // Which of them are secrets is known where they are read; until then all are.
      values[AbsoluteConfigKey(Self.key(name))] = ConfigValue(.string(value), isSecret: true)
    }
    reader = ConfigReader(providers: [
      InMemoryProvider(name: "flags", values: values),
      EnvironmentVariablesProvider(
        environmentVariables: environment.filter { !$0.value.allSatisfy(\.isWhitespace) }, secretsSpecifier: .all),
    ])
  }

  /// Reads many settings and reports all that is wrong with them at once.
  ///
  /// Within `body` a setting with a wrong value reads as its default, and the error follows when `body` has returned;
  /// only a missing one that has no default ends it early.
  ///
  /// - Parameter body: Reads from the reader it is given, not from this one.
  /// - Throws: ``SettingsError`` with every problem, or what `body` throws.
  public func collect<Settings>(_ body: (SettingsReader) throws -> Settings) throws -> Settings {
    let problems = Problems()
    var collecting = self
    collecting.problems = problems
    do {
      let settings = try body(collecting)
      let found = problems.list.withLock { $0 }
      if !found.isEmpty { throw SettingsError(problems: found) }
      return settings
    } catch let error as SettingsError {
      let found = problems.list.withLock { $0 }
      throw SettingsError(problems: found + error.problems.filter { !found.contains($0) })
    }
  }

  /// The flag that sets the same as the environment variable `name`: `LEASE_TTL_SECONDS` is `--lease-ttl-seconds`.
  public static func flag(_ name: String) -> String {
    "--" + name.lowercased().map { $0 == "_" ? "-" : String($0) }.joined()
  }

  /// Parses a setting with a parser of your own; the other readers are made of this one.
  ///
  /// - Parameters:
  ///   - name: The name of the environment variable.
  ///   - expected: What a good value is, to continue "expected …".
  ///   - secret: Whether the value must not appear in errors.
  ///   - parse: Makes a value of the text, or returns `nil` if it is not a good one.
  /// - Returns: `nil` if the setting is not there.
  /// - Throws: ``SettingsError`` if `parse` returns `nil`.
  public func value<Value>(
    _ name: String, expected: @autoclosure () -> String, secret: Bool = false, parse: (String) -> Value?
  ) throws -> Value? {
    guard let given = reader.string(forKey: Self.key(name), isSecret: secret) else { return nil }
    let text = given.trimmed()
    if let value = parse(text) { return value }
    try note(SettingsError.Problem(name: name, expected: expected(), given: secret ? nil : text))
    return nil
  }

  /// Makes sure that a setting that reads well can be used, for example beside another.
  ///
  /// - Parameters:
  ///   - name: The name of the environment variable; not that of a secret.
  ///   - expected: What a good value is, to continue "expected …".
  /// - Throws: ``SettingsError`` if it cannot; within ``collect(_:)`` the error follows later.
  public func require(_ isGood: Bool, _ name: String, expected: @autoclosure () -> String) throws {
    guard !isGood else { return }
    let given = reader.string(forKey: Self.key(name), isSecret: false)?.trimmed()
    try note(SettingsError.Problem(name: name, expected: expected(), given: given))
  }

  private func note(_ problem: SettingsError.Problem) throws {
    guard let problems else { throw SettingsError(problems: [problem]) }
    problems.list.withLock { $0.append(problem) }
  }

  /// One component, because the library would split and rejoin it; it looks it up in capitals.
  private static func key(_ name: String) -> ConfigKey {
    ConfigKey([name])
  }
}

extension String {
  /// Without white space at both ends.
  func trimmed() -> String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(self[first...last])
  }
}
