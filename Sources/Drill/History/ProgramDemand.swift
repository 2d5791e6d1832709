/// What a drill had asked of a program of its fleet when that ended.
enum ProgramDemand: String, Sendable, CaseIterable, Comparable {
  /// Nothing: it ended by itself.
  case none
  /// To go in good order (SIGTERM).
  case told
  /// SIGKILL, as part of the drill.
  case killed
  /// SIGKILL, because it had been told to go and was still there when its time was over.
  case overdue

  static func < (one: Self, other: Self) -> Bool {
    // In this order: what it is asked last is not less.
    allCases.firstIndex(of: one) ?? 0 < allCases.firstIndex(of: other) ?? 0
  }
}
