/// What became of a fault drill.
public struct FaultVerdict: DrillVerdict {
  struct Jobs: Sendable, Equatable {
    var accepted = 0
    var done = 0
    /// Those that failed or were cancelled, and were to be done.
    var failed = 0
    /// Those that were to fail for good.
    var failedAsMeant = 0
    /// Those that were cancelled by whoever submitted them.
    var cancelled = 0
    var lost = 0
    var doubleSettled = 0

    mutating func add(_ other: Jobs) {
      accepted += other.accepted
      done += other.done
      failed += other.failed
      failedAsMeant += other.failedAsMeant
      cancelled += other.cancelled
      lost += other.lost
      doubleSettled += other.doubleSettled
    }
  }

  struct Row: Sendable {
    var fault: String
    var summary: String
    /// Those that were accepted from the measurement before it to the one after it.
    var jobs: Jobs
    var evidence = ""
    var lasted = 0.0
    /// Jobs done in a second.
    var before = 0.0
    /// While it lasted; of one that others happen in, the lowest rate between them.
    var during: Double?
    var after: Double?
    /// Seconds from the end of the fault until the former rate is reached and every part of the fleet has been seen
    /// working; nil if that did not come.
    var recovery: Double?
    var skipped: String?
  }

  var rows: [Row] = []
  var jobs = Jobs()
  /// How many were submitted twice, with the same key, and answered both times.
  var repeated = 0
  /// Attempts with checkpoints that were acknowledged, and attempts that were given one to go on from.
  var checkpoints = 0
  var resumptions = 0
  /// What workers were told of leases, and how many answers clients had who read a job.
  var leases = LeaseCounts()
  var reads = 0
  /// How long each request of a client took that was refused, in seconds.
  var refusals: [Double] = []
  /// Seconds from the time when the leases of dead workers must have run out until they were ended.
  var reapings: [Double] = []
  /// How often the coordinators were asked whether they are ready, and how often they were not.
  var readinessAsked = 0
  var notReady = 0
  var ends = ProgramEnds()
  var attempts: [String: Int] = [:]
  var lateness = 0.0
  /// What must not be. Empty for a drill that shows what it is to show.
  public internal(set) var violations: [String] = []
  /// What would be a violation had the machine not been measurably late just then; and what could not be had here.
  public internal(set) var remarks: [String] = []

  /// Takes in what became of another fleet.
  mutating func add(_ other: FaultVerdict) {
    rows += other.rows
    jobs.add(other.jobs)
    repeated += other.repeated
    checkpoints += other.checkpoints
    resumptions += other.resumptions
    leases.add(other.leases)
    reads += other.reads
    refusals += other.refusals
    reapings += other.reapings
    readinessAsked += other.readinessAsked
    notReady += other.notReady
    ends.add(other.ends)
    attempts.merge(other.attempts, uniquingKeysWith: +)
    lateness = max(lateness, other.lateness)
    violations += other.violations
    remarks += other.remarks
  }

  public func report() -> [String] {
    var table = TextTable(
      "fault", "jobs", "lost", "failed", "double-settled", "lasted s", "recovery s", "jobs/s before", "during", "after")
    for row in rows {
      let jobs = row.jobs
      table.append(
        row.fault, "\(jobs.accepted)", "\(jobs.lost)", "\(jobs.failed)", "\(jobs.doubleSettled)",
        row.skipped == nil ? tenths(row.lasted) : "left out", row.recovery.map(tenths) ?? "–", tenths(row.before),
        row.during.map(tenths) ?? "–", row.after.map(tenths) ?? "–")
    }
    var lines = table.lines
    lines += [
      "",
      "\(jobs.accepted) jobs accepted, \(jobs.done) done, \(jobs.failed) failed, \(jobs.lost) lost, "
        + "\(jobs.doubleSettled) double-settled; \(repeated) were submitted twice with their key. As they were meant to, "
        + "\(jobs.failedAsMeant) more failed for good and \(jobs.cancelled) were cancelled.",
      "\(checkpoints) attempts saved checkpoints, and \(resumptions) went on from one. \(leases); \(reapings.count) "
        + "of workers that were dead or stood still were ended within \(tenths(reapings.max() ?? 0)) s of running out. "
        + "Clients had \(reads) answers about jobs, and \(refusals.count) of their requests were refused, within "
        + "\(tenths(refusals.max() ?? 0)) s. The coordinators were asked "
        + "\(readinessAsked) times whether they are ready; \(notReady) times they were not, or did not answer. Attempts: "
        + attempts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        + ". \(ends). The machine was late by up to \(tenths(lateness)) s.",
      "", "What happened:",
    ]
    lines += rows.filter { $0.skipped == nil }.map { "- \($0.fault): \($0.summary) (\($0.evidence))" }
    for (title, texts) in [("Remarks", remarks), ("VIOLATIONS", violations)] where !texts.isEmpty {
      lines += ["", "\(title):"] + texts.map { "- \($0)" }
    }
    return lines
  }
}
