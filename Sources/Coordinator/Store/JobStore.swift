import BatonPostgres
import BatonShared

/// Everything that the coordinator asks of the database: a named function a statement, many items a call.
///
/// Every function throws `PostgresError`; what it does is either done whole or not at all. The database's clock decides
/// about all times.
public struct JobStore: Sendable {
  /// For what somebody looks at, for what is large, and for what may take long.
  let database: any PostgresQuerying
  /// The same database, for the statements that keep the fleet going: submit, lease, renew, settle, heartbeats. Its
  /// sessions plan each of them once, and look up by index whatever they are asked for.
  let hot: any PostgresQuerying
  /// The same, for making jobs ready again. What is slow of one kind holds up none of another.
  let upkeep: any PostgresQuerying
  /// Goes into notifications, so that this coordinator knows its own.
  let sender: String
  /// Of all of them together.
  let answers: AnswerClock

  /// - Parameter hot: Sessions with `PostgresConfiguration.Planning.onceByIndex`; by default, those of `database`.
  ///   `upkeep` has those of `database`, too.
  public init(
    database: any PostgresQuerying, hot: (any PostgresQuerying)? = nil, upkeep: (any PostgresQuerying)? = nil,
    sender: String
  ) {
    let clock = AnswerClock()
    func heard(_ base: any PostgresQuerying) -> any PostgresQuerying { HeardDatabase(base: base, clock: clock) }
    answers = clock
    self.database = heard(database)
    self.hot = heard(hot ?? database)
    self.upkeep = heard(upkeep ?? database)
    self.sender = sender
  }

  /// The channel on which `baton_notify` tells of new work, as `sender:queue,queue` or `sender:*`.
  public static let jobsChannel = "baton_jobs"
  /// The channel that tells of workers whose state was changed by somebody else than themselves, as `sender:id`.
  public static let workersChannel = "baton_workers"
}

/// A job that became ready to run, or will, or several of one sort: what has to be woken.
struct Requeued: Sendable, Hashable {
  var queue: String
  /// Seconds until it is due; 0 when it is ready now.
  var dueInSeconds: Double
  /// Where it stands among the jobs that are ready; nil where that is not known.
  var position: LeasePosition?
  var count = 1
}

/// Work that has to be done again: what an attempt that did not finish its job ran for since the newest checkpoint.
struct LostWork: Sendable, Hashable {
  /// `released`, `interrupted`, `failed`, `timed_out` or `lost`.
  var outcome: AttemptOutcome
  var seconds: Double
}

extension JobStore {
  /// Tells other coordinators that these queues have work.
  func announce(_ queues: Set<String>) async throws(PostgresError) {
    try await hot.query("select baton_notify($1, $2)", .text(sender), .textArray(queues.sorted()))
  }

  /// The database's time, as soon as there is a connection for making jobs ready again.
  func upkeepTime() async throws(PostgresError) -> Instant {
    Instant(microseconds: try await upkeep.query("select clock_timestamp()")[0].timestamp(0))
  }

  /// Makes sure that the database answers to what keeps the fleet going.
  func touchHot() async throws(PostgresError) { try await hot.query("select 1") }

  /// Makes sure that it answers to those who look.
  func touch() async throws(PostgresError) { try await database.query("select 1") }

  /// Makes sure that the database answers to what keeps the fleet going, and that all sorts of connections are there.
  /// However busy those are who look: they are no reason to send workers elsewhere.
  func ping() async throws(PostgresError) {
    try await touchHot()
    guard database.isReachable, upkeep.isReachable else { throw .connection("not all connections are back yet") }
  }
}
