import BatonJSON
import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// A store on a database of its own, with shorthands for what nearly every test does.
struct StoreFixture: Sendable {
  let database: TestDatabase
  let pool: PostgresPool
  let store: JobStore
  private let ids = JobIDGenerator()

  /// Runs `body` with a fresh, migrated database.
  static func run(
    connections: Int = 3, _ body: @Sendable (StoreFixture) async throws -> Void
  ) async throws {
    let database = try await TestDatabase.make()
    let pool = database.pool(size: connections)
    let hot = database.pool(size: connections, planning: .onceByIndex)
    _ = try await PostgresMigrator(migrations: .baton).run(on: pool)
    let outcome: Result<Void, any Error>
    do {
      try await body(
        StoreFixture(database: database, pool: pool, store: JobStore(database: pool, hot: hot, sender: "tests")))
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    await pool.close()
    await hot.close()
    try outcome.get()
  }

  // MARK: Jobs

  func newJob(
    _ kind: String = "test", key: String? = nil, _ change: (inout JobSubmission) -> Void = { _ in }
  ) -> NewJob {
    var submission = JobSubmission(kind: kind)
    change(&submission)
    return NewJob(id: ids.next(), submission: submission, idempotencyKey: key)
  }

  @discardableResult
  func enqueue(
    _ kind: String = "test", _ change: (inout JobSubmission) -> Void = { _ in }
  ) async throws -> JobID {
    let job = newJob(kind, change)
    _ = try await store.enqueue([job])
    return job.id
  }

  func lease(
    _ count: Int = 1, worker: String = "w-1", queues: [String] = ["default"], kinds: [String] = [],
    capacity: CapacityType = .unknown, ttl: Double = 300
  ) async throws -> [Lease] {
    try await store.lease(
      LeaseFilter(queues: queues, kinds: kinds, capacityType: capacity),
      to: Array(repeating: worker, count: count), ttlSeconds: ttl)
  }

  /// Leases the one job that is ready.
  func leaseOne(worker: String = "w-1", queue: String = "default") async throws -> LeaseGrant {
    let leases = try await lease(worker: worker, queues: [queue])
    return try #require(leases.first).grant
  }

  @discardableResult
  func settle(_ lease: LeaseID, _ outcome: SettleOutcome) async throws -> SettleStatus {
    try await settle(Settlement(leaseID: lease, outcome: outcome))
  }

  @discardableResult
  func settle(_ settlement: Settlement) async throws -> SettleStatus {
    try await store.settle([settlement]).statuses[0]
  }

  func job(_ id: JobID) async throws -> JobSnapshot {
    try #require(try await store.job(id))
  }

  /// Makes leases expire: what waiting for their time to live would do.
  func expire(_ leases: LeaseID...) async throws {
    try await pool.query(
      "update attempts set expires_at = now() - interval '1 millisecond' where lease_id = any($1)",
      .uuidArray(leases.map(\.uuid)))
  }

  // MARK: Looking

  func count(_ sql: String, _ parameters: PostgresValue...) async throws -> Int {
    try await pool.query("select count(*) from (\(sql)) as counted", parameters)[0].int(0)
  }

  /// What must hold at every moment, whatever has happened: returns the rules that do not.
  func brokenRules() async throws -> [String] {
    let rules = [
      "a processing job has exactly one open attempt": """
      select from jobs where status = 'processing'
        and (select count(*) from attempts a where a.job_id = jobs.id and outcome is null) <> 1
      """,
      "an open attempt belongs to a processing job, is its newest, and has its worker": """
      select from attempts a left join jobs on jobs.id = a.job_id
      where a.outcome is null and (jobs.id is null or jobs.status <> 'processing' or jobs.attempt <> a.attempt
        or jobs.worker_id <> a.worker_id)
      """,
      "attempts are numbered without gaps up to the job's": """
      select from jobs where attempt <> (select count(*) from attempts a where a.job_id = jobs.id)
        or attempt <> (select coalesce(max(a.attempt), 0) from attempts a where a.job_id = jobs.id)
      """,
      "a done job has exactly one done attempt, its last; no other job has one after its last retry": """
      select from jobs where status = 'done'
        and ((select count(*) from attempts a where a.job_id = jobs.id and outcome = 'done') <> 1
        or (select outcome from attempts a where a.job_id = jobs.id and a.attempt = jobs.attempt) <> 'done')
      """,
      "only a done job has an attempt that is done": """
      select from attempts a join jobs on jobs.id = a.job_id where a.outcome = 'done' and jobs.status <> 'done'
      """,
      "a job that is not finished has not used up its budgets": """
      select from jobs where status in ('queued', 'processing') and (failures >= max_attempts or losses >= max_losses)
      """,
      "a checkpoint's sequence is the newest that an attempt saved or started from": """
      select from checkpoints c join jobs on jobs.id = c.job_id
      where c.sequence <> (select max(checkpoint_sequence) from attempts a where a.job_id = jobs.id)
      """,
    ]
    var broken: [String] = []
    for (rule, sql) in rules where try await count(sql) > 0 { broken.append(rule) }
    return broken
  }
}
