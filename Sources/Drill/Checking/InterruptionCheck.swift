/// Judges the history of an interruption drill. A pure function of the history: it asks nobody and looks at no clock.
///
/// What was worked is known from the programs' own records; what the coordinator says is compared with it, and with what
/// the workers were told.
struct InterruptionCheck: Sendable {
  /// Facts of one worker, gathered.
  struct Worker: Sendable {
    var startedAt = 0.0
    var isReady = false
    var ending: ProcessEnding?
    var endedAt: Double?
    var faults: [(number: Int, kind: FaultKind, at: Double, deadline: Double?)] = []
    var drainSeenAt: Double?
    var killedAt: Double?
    var isOverdue = false
    var suspensions: [(from: Double, until: Double)] = []

    /// The fault that told it to go, if one did.
    var notice: (number: Int, kind: FaultKind, at: Double, deadline: Double?)? {
      faults.last { $0.kind.effect == .notice }
    }
  }

  /// How long a program's checkpoint may lie before the worker looks for it and has it saved, in seconds, on a machine
  /// that is never late: the worker looks twice a second, and half a second is for saving it.
  static let uploadSeconds = 1.0

  /// A machine that was late by more than this, just then, excuses what a drain has cost, in seconds.
  static let excuseSeconds = 0.5

  /// How often the workers ask for notices, in seconds.
  static let pollInterval = 0.5
  /// Of a worker that has handed everything back, a machine that was late by more than this excuses that it took long to
  /// exit, in seconds.
  static let exitExcuseSeconds = 0.2

  var jobs: [Int: DrillJob] = [:]
  var ids: [Int: String] = [:]
  /// When jobs were accepted.
  var acceptedAt: [Int: Double] = [:]
  var endings: [Int: JobEnding] = [:]
  var runs: [Int: [ProgramRun]] = [:]
  var workers: [String: Worker] = [:]
  /// What workers were told, by the job's id.
  var words: [String: [(worker: String, attempt: Int, word: String)]] = [:]
  /// By the job's id.
  var checkpoints: [String: Checkpoints] = [:]
  /// By the job's id.
  var leases: [String: Leases] = [:]
  /// How long a lease lasts, in seconds; nil in a history that does not tell.
  var lease: Double?
  var lateness = Lateness()
  var duration = 0.0
  var leftProcesses = 0

  init(history: [HistoryEntry]) {
    for entry in history { take(entry) }
    for index in runs.keys { runs[index]?.sort { $0.attempt < $1.attempt } }
    measureSteps()
  }

  private mutating func take(_ entry: HistoryEntry) {
    duration = max(duration, entry.at)
    switch entry.event {
    case .accepted(let job, let id):
      jobs[job.index] = job
      ids[job.index] = id
      acceptedAt[job.index] = entry.at
    case .workerStarted(let name): workers[name, default: Worker()].startedAt = entry.at
    case .workerReady(let name): workers[name, default: Worker()].isReady = true
    case .workerEnded(let name, let ending):
      workers[name, default: Worker()].ending = ending
      workers[name, default: Worker()].endedAt = entry.at
    case .fault(let number, let kind, let name, let deadline):
      workers[name, default: Worker()].faults.append((number, kind, entry.at, deadline))
    case .drainSeen(let name, _):
      if workers[name]?.drainSeenAt == nil { workers[name, default: Worker()].drainSeenAt = entry.at }
    case .programEnded(let name, _, .killed):
      // Of the programs that are started again, this is what tells when they were dead.
      if workers[name]?.killedAt == nil { workers[name]?.killedAt = entry.at }
    case .killed(let name, let isOverdue):
      workers[name, default: Worker()].killedAt = entry.at
      workers[name, default: Worker()].isOverdue = isOverdue
    case .suspended(let name):
      workers[name, default: Worker()].suspensions.append((entry.at, .infinity))
    case .resumed(let name):
      if let last = workers[name]?.suspensions.indices.last { workers[name]?.suspensions[last].until = entry.at }
    case .told(let worker, let job, let attempt, let word): words[job, default: []].append((worker, attempt, word))
    case .restored(_, let job, let attempt, let sequence):
      checkpoints[job, default: Checkpoints()].give(sequence, to: attempt)
    case .saved(_, let job, let attempt, let sequence):
      checkpoints[job, default: Checkpoints()].acknowledge(sequence, to: attempt)
    case .given(let worker, let job, let attempt):
      leases[job, default: Leases()].give(attempt, to: worker, at: entry.at)
    case .answered(let worker, let job, let attempt, let answer, let sentAt):
      leases[job, default: Leases()].answers.append(
        Leases.Answer(worker: worker, attempt: attempt, answer: answer, sentAt: sentAt, at: entry.at))
    case .began(let worker, let job, let attempt):
      leases[job, default: Leases()].begun[attempt, default: []].append((worker, entry.at))
    case .lease(let seconds): lease = seconds
    case .late(let seconds): lateness.add(seconds, at: entry.at)
    case .run(let run): runs[run.job, default: []].append(run)
    case .left(let processes): leftProcesses = processes
    // Of drills of other sorts.
    case .fleet, .receipt, .givenUp, .cancelAnswered, .read, .refused, .readiness, .database, .counted, .transaction,
      .phase, .programEnded:
      break
    case .ending(let ending): endings[ending.job] = ending
    }
  }

  /// A step that took longer than it should tells how late the machine was there.
  private mutating func measureSteps() {
    for (index, runs) in runs {
      guard let job = jobs[index] else { continue }
      for run in runs where run.isExact && workers[run.worker]?.suspensions.isEmpty ?? true {
        for (mark, next) in zip(run.steps, run.steps.dropFirst()) {
          guard let from = mark.at, let to = next.at else { continue }
          lateness.add(to - from - job.stepSeconds, at: to)
        }
      }
    }
    lateness.sort()
  }

  /// Looks at everything.
  func verdict() -> InterruptionVerdict {
    var verdict = InterruptionVerdict()
    verdict.seconds = duration
    verdict.lateness = lateness.greatest
    judgeJobs(&verdict)
    judgeWorkers(&verdict)
    for index in jobs.keys.sorted() { judgeWork(index, &verdict) }
    measureGaps(&verdict)
    verdict.violations += judgePrecedence() + judgeHandovers()
    let reaping = judgeReaping()
    verdict.reapings = reaping.delays
    verdict.violations += reaping.violations
    return verdict
  }
}

/// How late things were on the machine that the drill ran on.
struct Lateness: Sendable {
  private var samples: [(at: Double, seconds: Double)] = []

  mutating func add(_ seconds: Double, at: Double) {
    if seconds > StallMeter.threshold { samples.append((at, seconds)) }
  }

  mutating func sort() { samples.sort { $0.at < $1.at } }

  var greatest: Double { samples.reduce(0) { max($0, $1.seconds) } }

  /// The greatest between two points in time. What was late then was so for a while before it was noticed.
  func greatest(from start: Double, to end: Double) -> Double {
    samples.reduce(0) { $1.at >= start && $1.at - $1.seconds <= end ? max($0, $1.seconds) : $0 }
  }
}
