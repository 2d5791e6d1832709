import BatonJSON
import BatonShared

/// Something that the drill did, or that a client, a worker or a program was told or did.
enum HistoryEvent: Sendable {
  /// Which parts there are, all the time; programs that take a part's place one after the other have its name and a number.
  case fleet(coordinators: [String], workers: [String])
  /// How long a lease lasts, all the time.
  case lease(seconds: Double)
  /// A submission was answered with success.
  case accepted(DrillJob, id: String)
  /// A coordinator's answer to a submission, the first or one that was repeated with the same key.
  /// - Parameter sentAt: When it was sent, in seconds since the drill's start.
  case receipt(job: Int, id: String, from: String, sentAt: Double)
  /// A submission had no answer to the end, and is not tried any more.
  case givenUp(job: Int, reason: String)
  /// A coordinator's answer to a job's cancellation: the job's status, or `conflict` where it had ended before.
  case cancelAnswered(job: Int, answer: String)
  /// What a coordinator answered to a client who asked for a job: its status, or `unknown`, and how often it had been leased.
  /// - Parameter sentAt: When it was asked, in seconds since the drill's start.
  case read(job: Int, status: String, attempt: Int, from: String, sentAt: Double)
  /// A coordinator refused what a client asked for: with which status, and whether it said when to ask again.
  /// - Parameter sentAt: When it was asked, in seconds since the drill's start.
  case refused(ClientAct, status: Int, from: String, saysWhen: Bool, sentAt: Double)
  /// What a coordinator's `/ready` answered, 200 or 503; nil if it did not within ``ReadinessWatch/patience``.
  /// - Parameter sentAt: When it was asked, in seconds since the drill's start.
  case readiness(coordinator: String, status: Int?, sentAt: Double)
  /// The database is out of the coordinators' reach from now on, or about to be in it again.
  case database(isThere: Bool)
  /// So many jobs the database holds in the end.
  case counted(jobs: Int)
  /// A transaction that is to stay open is now, or has ended.
  case transaction(isOpen: Bool)
  /// A program of the fleet has ended, and what the drill had asked of it.
  case programEnded(String, ProcessEnding, ProgramDemand)
  case workerStarted(String)
  case workerReady(String)
  case workerEnded(String, ProcessEnding)
  /// - Parameter deadline: When the machine is to be gone, if that was announced or is the rule.
  case fault(number: Int, FaultKind, worker: String, deadline: Double?)
  /// A worker says that it drains.
  case drainSeen(worker: String, source: String)
  /// A worker and its programs were sent SIGKILL; because its time was over, or by the plan.
  case killed(worker: String, isOverdue: Bool)
  case suspended(worker: String)
  case resumed(worker: String)
  /// A worker was given a lease, for an attempt at a job.
  case given(worker: String, job: String, attempt: Int)
  /// What a worker's heartbeat was answered for an attempt's lease.
  /// - Parameter sentAt: When it was sent, in seconds since the drill's start.
  case answered(worker: String, job: String, attempt: Int, LeaseStatus, sentAt: Double)
  /// A worker begins an attempt.
  case began(worker: String, job: String, attempt: Int)
  /// An attempt was given the newest checkpoint there is, by its sequence; 0 where there was none.
  case restored(worker: String, job: String, attempt: Int, sequence: Int)
  /// The coordinator acknowledged a checkpoint of an attempt, by its sequence.
  case saved(worker: String, job: String, attempt: Int, sequence: Int)
  /// What a worker heard of an attempt's settlement: an outcome that was accepted, or `refused`.
  case told(worker: String, job: String, attempt: Int, String)
  /// The drill itself was woken so many seconds late: the machine is busy.
  case late(seconds: Double)
  /// So many processes of workers were there when all workers had ended.
  case left(processes: Int)
  case run(ProgramRun)
  case ending(JobEnding)
  case phase(fault: String, FaultPhase)

  /// Whether a worker was told that a job is done.
  var isDone: Bool { if case .told(_, _, _, "done") = self { true } else { false } }

  /// All parts of the fleet, of the event that names them.
  var parts: [String]? {
    if case .fleet(let coordinators, let workers) = self { coordinators + workers } else { nil }
  }
}

/// What a client asks of a coordinator.
enum ClientAct: String, Sendable, CaseIterable {
  case submission
  case reading
  case cancellation
}

/// How far a fault is.
enum FaultPhase: Sendable, Equatable {
  /// The rate from now until it begins is what the fleet is to come back to.
  case before
  case begun
  /// - Parameter evidence: What shows that it did happen.
  case passed(evidence: String)
  /// What gathered meanwhile has been worked off: the rate from now until it is over is the one afterwards.
  case settled
  /// What was to be seen of it has been seen.
  case over
  /// It cannot be had here.
  case skipped(reason: String)
}

/// How a process ended.
enum ProcessEnding: Sendable, Equatable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)
  case notStarted(String)

  var description: String {
    switch self {
    case .exited(let status): "exit status \(status)"
    case .signalled(let signal): "signal \(signal)"
    case .notStarted(let reason): "not started: \(reason)"
    }
  }
}

/// What the coordinator says of a job in the end.
struct JobEnding: Sendable, Equatable {
  struct Attempt: Sendable, Equatable {
    var number: Int
    var worker: String
    /// Nil while it runs.
    var outcome: String?
    var reason: String?
    var startedAt: Double
    var endedAt: Double?
  }

  /// The job's number in the drill.
  var job: Int
  var id: String
  /// `unknown` when the coordinator knows no such job.
  var status: String
  var error: String?
  var attempts: [Attempt]
}

/// An event and its time, in seconds since the drill's start.
struct HistoryEntry: Sendable {
  /// No drill takes longer, in seconds. (A job may have been started before it, by the clock of a machine that was set.)
  static let times = -1e6...1e6
  /// No drill counts further.
  static let counts = -1...100_000_000

  var at: Double
  var event: HistoryEvent
}
