/// Where the attempts at a job begin: with no step that was saved before, and after none that nobody has worked.
///
/// The one judgement of all drills; what counts as saved is known from different things in each.
struct StartingPoint: Sendable {
  /// The last step that must not be worked again.
  private(set) var saved = 0
  /// The furthest that any attempt has come.
  private var furthest = 0

  /// A checkpoint that holds this step is at the coordinator.
  mutating func save(_ step: Int) { saved = max(saved, step) }

  /// Looks at where an attempt began, and takes in how far it came.
  /// - Returns: What must not be.
  mutating func judge(_ run: ProgramRun, of job: DrillJob) -> [String] {
    var violations: [String] = []
    if let first = run.first {
      let text = "attempt \(run.attempt) of job \(job.index) began with step \(first), though"
      if first - 1 < saved { violations.append("\(text) step \(saved) had been saved") }
      if job.kind == .exec, first - 1 > furthest { violations.append("\(text) only \(furthest) were executed") }
      // What it began with had been saved.
      save(first - 1)
    }
    furthest = max(furthest, run.last ?? 0)
    return violations
  }
}
