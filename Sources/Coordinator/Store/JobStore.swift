import BatonPostgres
import BatonShared

/// Everything that the coordinator asks of the database: a named function a statement, many items a call.
///
/// Every function throws `PostgresError`; what it does is either done whole or not at all. The database's clock decides
/// about all times.
public struct JobStore: Sendable {
  let database: any PostgresQuerying
  /// Goes into notifications, so that this coordinator knows its own.
  let sender: String

  public init(database: any PostgresQuerying, sender: String) {
    self.database = database
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
}

/// Work that has to be done again: what an attempt that did not finish its job ran for since the newest checkpoint.
struct LostWork: Sendable, Hashable {
  /// `released`, `interrupted`, `failed`, `timed_out` or `lost`.
  var outcome: AttemptOutcome
  var seconds: Double
}

extension JobStore {
  /// Makes sure that the database answers.
  func ping() async throws(PostgresError) {
    try await database.query("select 1")
  }
}
