import BatonPostgres
import BatonShared

/// Everything that the coordinator asks of the database: a named function a statement, many items a call.
///
/// Every function throws `PostgresError`; what it does is either done whole or not at all. The database's clock decides
/// about all times.
public struct JobStore: Sendable {
  let database: any PostgresQuerying
  /// The same database, for the statements that are sent all the time: its sessions plan each of them once, and look up
  /// by index whatever they are asked for.
  let hot: any PostgresQuerying
  /// Goes into notifications, so that this coordinator knows its own.
  let sender: String

  /// - Parameter hot: Sessions with `PostgresConfiguration.Planning.onceByIndex`; by default, those of `database`.
  public init(database: any PostgresQuerying, hot: (any PostgresQuerying)? = nil, sender: String) {
    self.database = database
    self.hot = hot ?? database
    self.sender = sender
  }

  /// The channel on which `baton_notify` tells of new work, as `sender:queue,queue` or `sender:*`.
  public static let jobsChannel = "baton_jobs"
  /// The channel that tells of workers whose state was changed by somebody else than themselves, as `sender:id`.
  public static let workersChannel = "baton_workers"
}

/// A job that became ready to run, or will: what has to be woken.
struct Requeued: Sendable, Hashable {
  var queue: String
  /// Seconds until it is due; 0 when it is ready now.
  var dueInSeconds: Double
  /// Where it stands among the jobs that are ready; nil where that is not known.
  var position: LeasePosition?
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

  /// Makes sure that the database answers, on the leases' own connections, too.
  func ping() async throws(PostgresError) {
    try await database.query("select 1")
    try await hot.query("select 1")
  }
}
