/// Which programs jobs of the kind `exec` may run.
///
/// It keeps mistakes out, not attackers: whoever may choose the arguments of an interpreter may run anything.
struct ExecAllowance: Sendable, Equatable {
  private let allowsAll: Bool
  private let programs: Set<String>

  /// - Parameter entries: `*` for all, or programs as they are written in a job's `command`; none turns the kind off.
  init(_ entries: [String]) {
    allowsAll = entries.contains("*")
    programs = Set(entries)
  }

  /// Whether jobs of this kind are taken at all.
  var isOn: Bool { allowsAll || !programs.isEmpty }

  /// A path is allowed only as that very path: `python3` does not allow `/tmp/python3`.
  func allows(_ program: String) -> Bool { allowsAll || programs.contains(program) }
}
