/// Settings that cannot be used, with everything a reader needs to correct them.
public struct SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One setting that cannot be used.
  public struct Problem: Equatable, Sendable, CustomStringConvertible {
    /// The environment variable, such as `LEASE_TTL_SECONDS`.
    public let name: String
    /// What would be a good value: `a number of seconds from 1 to 86400`.
    public let expected: String
    /// The value as it was given; `nil` if there was none, or if it must not be shown.
    public let given: String?

    /// `LEASE_TTL_SECONDS (--lease-ttl-seconds): expected a number of seconds from 1 to 86400, got "soon"`.
    public var description: String {
      let got = given.map { ", got \"\(LogEscape.controls($0))\"" } ?? ""
      return "\(name) (\(SettingsReader.flag(name))): expected \(expected)\(got)"
    }
  }

  /// At least one, in the order in which the settings were read.
  public let problems: [Problem]

  init(problems: [Problem]) { self.problems = problems }

  /// About one setting that reads well but cannot be used.
  ///
  /// - Parameters:
  ///   - name: The name of the environment variable.
  ///   - expected: What a good value is, to continue "expected …".
  public init(_ name: String, expected: String) {
    problems = [Problem(name: name, expected: expected, given: nil)]
  }

  /// One line a problem.
  public var description: String {
    problems.map(\.description).joined(separator: "\n")
  }
}
