/// What became of an interruption drill.
public struct InterruptionVerdict: DrillVerdict {
  /// The work of one attempt that the next had to do again.
  struct Redone: Sendable, Equatable {
    var steps = 0
    var seconds = 0.0
    /// In checkpoint intervals of the job.
    var intervals = 0.0
  }

  var seconds = 0.0
  var submitted = 0
  var done = 0
  var failed = 0
  var lost = 0
  var doubleSettled = 0
  var workers = 0
  /// Workers that were still there when their time was over.
  var overdue = 0
  var faults: [FaultKind: Int] = [:]
  /// By outcome.
  var attempts: [String: Int] = [:]
  /// What workers were told of leases.
  var leases = LeaseCounts()
  var redone: [InterruptionCheck.Cause: [Redone]] = [:]
  /// Steps that suspended programs did after waking, before their worker ended them, while others had their jobs.
  var stepsAfterWaking = 0
  /// Seconds from a notice until the worker drained.
  var noticeDelays: [Double] = []
  /// Seconds that were left when the worker had gone.
  var sparedSeconds: [Double] = []
  /// Seconds from the end of an attempt that was handed back to the start of the next.
  var handoverGaps: [Double] = []
  /// Seconds from a SIGKILL to the next attempt at what was in flight.
  var killGaps: [Double] = []
  /// Seconds from the time when the leases of dead workers must have run out until they were ended.
  var reapings: [Double] = []
  /// The latest that the drill itself or a step of a job was, in seconds.
  var lateness = 0.0
  /// What must not be. Empty for a drill that shows what it is to show.
  public internal(set) var violations: [String] = []
  /// What would be a violation had the machine not been measurably late just then.
  public internal(set) var remarks: [String] = []
}
