import BatonTelemetry

/// Which programs jobs of the kind `exec` may run.
///
/// It keeps mistakes out, not attackers: whoever may choose the arguments of an interpreter may run anything.
struct ExecAllowance: Sendable, Equatable {
  /// What an entry has to be, to continue "expected …".
  static let expected =
    "'*', or programs separated by commas, each an absolute path (/opt/tools/render) or a name without a slash, to be "
    + "found in the worker's PATH; where a relative path leads is for the job's 'cwd' to say, not for the operator"

  private let allowsAll: Bool
  /// Compared byte by byte: the same letters, composed in another way, are the name of another file.
  private let programs: Set<[UInt8]>

  /// - Parameter entries: `*` for all, or programs as they are written in a job's `command`; none turns the kind off.
  init(_ entries: [String]) {
    allowsAll = entries.contains("*")
    programs = Set(entries.map { Array($0.utf8) })
  }

  /// Whether jobs of this kind are taken at all.
  var isOn: Bool { allowsAll || !programs.isEmpty }

  /// A path is allowed only as that very path: `python3` does not allow `/tmp/python3`.
  func allows(_ program: String) -> Bool { allowsAll || programs.contains(Array(program.utf8)) }

  /// Makes sure that each entry means one program, wherever a job runs.
  /// - Throws: `SettingsError` that names the setting.
  func check() throws {
    guard programs.allSatisfy({ Self.isValid(String(decoding: $0, as: UTF8.self)) }) else {
      throw SettingsError("EXEC_ALLOW", expected: Self.expected)
    }
  }

  static func isValid(_ entry: String) -> Bool {
    // By bytes: with a combining mark behind it, a slash is no slash to `Character`.
    let parts = entry.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
    let meaningless = ["", ".", ".."].map { Array($0.utf8) }
    if parts.count == 1 { return !meaningless.contains(parts[0]) }
    // Of an absolute path the first part is empty, and no other is.
    return parts[0].isEmpty && !parts.dropFirst().contains { meaningless.contains($0) }
  }
}
