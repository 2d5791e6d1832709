import BatonJSON
import BatonPostgres
import BatonShared
import Crypto

/// A submission on its way into the database. An object: it is passed on a dozen times on its way.
final class NewJob: Sendable {
  let id: JobID
  let submission: JobSubmission
  let idempotencyKey: String?
  let fingerprint: [UInt8]?

  init(id: JobID, submission: JobSubmission, idempotencyKey: String? = nil) {
    self.id = id
    self.submission = submission
    self.idempotencyKey = idempotencyKey
    self.fingerprint = idempotencyKey == nil ? nil : Array(SHA256.hash(data: submission.json))
  }
}

/// What became of a submission.
enum EnqueueOutcome: Sendable {
  /// It is in the database since then.
  case created(at: Instant)
  /// The idempotency key had made this job before, from the same submission.
  case repeated(JobID)
  /// The idempotency key had been used for another submission.
  case conflict
}

extension JobStore {
  /// Inserts jobs, in one statement and one commit.
  /// - Returns: what became of each, in order.
  func enqueue(_ jobs: [NewJob]) async throws(PostgresError) -> [EnqueueOutcome] {
    guard !jobs.isEmpty else { return [] }
    guard jobs.contains(where: { $0.idempotencyKey != nil }) else {
      let rows = try await hot.query(Self.enqueueSQL, Self.columns(of: jobs))
      let now = Instant(microseconds: try rows[0].timestamp(0))
      return Array(repeating: .created(at: now), count: jobs.count)
    }
    let keys: [PostgresValue] = [.textArray(jobs.map(\.idempotencyKey)), .byteaArray(jobs.map(\.fingerprint))]
    let rows = try await hot.query(Self.enqueueOnceSQL, Self.columns(of: jobs) + keys)
    var inserted: Set<JobID> = []
    for row in rows { inserted.insert(JobID(try row.uuid(0))) }
    let now = try rows.first.map { row throws(PostgresError) in Instant(microseconds: try row.timestamp(1)) }
    let known =
      inserted.count == jobs.count ? [:] : try await knownKeys(jobs.compactMap { $0.idempotencyKey })
    return jobs.map { job in
      if let now, inserted.contains(job.id) { return .created(at: now) }
      guard let key = job.idempotencyKey, let earlier = known[key] else { return .conflict }
      return earlier.fingerprint == job.fingerprint ? .repeated(earlier.job) : .conflict
    }
  }

  private static func columns(of jobs: [NewJob]) -> [PostgresValue] {
    [
      .uuidArray(jobs.map(\.id.uuid)),
      .textArray(jobs.map(\.submission.queue)),
      .textArray(jobs.map(\.submission.kind)),
      .int4Array(jobs.map { Int32($0.submission.priority) }),
      .textArray(jobs.map(\.submission.placement.rawValue)),
      .textArray(jobs.map(\.submission.onInterruption.rawValue)),
      .int4Array(jobs.map { Int32($0.submission.maxAttempts) }),
      .int4Array(jobs.map { Int32($0.submission.maxLosses) }),
      .float8Array(jobs.map(\.submission.timeoutSeconds)),
      .timestamptzArray(jobs.map(\.submission.startMicroseconds)),
      .float8Array(jobs.map(\.submission.delaySeconds)),
      .jsonArray(jobs.map { $0.submission.tags.isEmpty ? nil : $0.submission.tagsJSON.bytes }),
      .jsonArray(jobs.map(\.submission.payload.bytes)),
    ]
  }

  private func knownKeys(
    _ keys: [String]
  ) async throws(PostgresError) -> [String: (job: JobID, fingerprint: [UInt8])] {
    let rows = try await hot.query(
      "select key, job_id, fingerprint from idempotency_keys where key = any($1)", .textArray(keys))
    var known: [String: (job: JobID, fingerprint: [UInt8])] = [:]
    for row in rows { known[try row.text(0)] = (JobID(try row.uuid(1)), try row.bytes(2)) }
    return known
  }

  private static let items = """
    unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::integer[], $8::integer[],
      $9::float8[], $10::timestamptz[], $11::float8[], $12::json[], $13::json[]
    """
  private static let itemColumns = """
    id, queue, kind, priority, placement, on_interruption, max_attempts, max_losses, timeout_seconds, run_at, delay, tags,
      payload
    """
  private static let insertion = """
    insert into jobs (id, queue, kind, scheduled, priority, placement, on_interruption, max_attempts, max_losses,
        timeout_seconds, run_at, tags, payload)
      select id, queue, kind, coalesce(run_at > now(), delay > 0, false), priority, placement, on_interruption,
        max_attempts, max_losses, timeout_seconds,
        coalesce(run_at, now() + coalesce(delay, 0) * interval '1 second'), coalesce(tags::jsonb, '{}'), payload
      from item
    """

  /// Nothing but the time comes back: the rest is known.
  private static let enqueueSQL = """
    with item as (
      select * from \(items)) as item(\(itemColumns))
    ), inserted as (
      \(insertion)
    )
    select now()
    """

  /// `claimed` takes the keys first, in order (two batches with the same keys would else wait for each other); a job
  /// whose key is taken is not inserted.
  private static let enqueueOnceSQL = """
    with item as (
      select * from \(items), $14::text[], $15::bytea[])
        as item(\(itemColumns), key, fingerprint)
    ), claimed as (
      insert into idempotency_keys (key, job_id, fingerprint)
      select key, id, fingerprint from item where key is not null order by key
      on conflict (key) do nothing
      returning job_id
    ), inserted as (
      \(insertion) where key is null or id in (select job_id from claimed)
      returning id
    )
    select id, now() from inserted
    """
}

extension JobSubmission {
  fileprivate var startMicroseconds: Int64? {
    if case .at(let instant) = start { instant.microseconds } else { nil }
  }

  fileprivate var delaySeconds: Double? {
    if case .after(let seconds) = start { seconds } else { nil }
  }

  /// What the statement makes of it: the time of the transaction counts, and delays are rounded to microseconds.
  func runAt(submittedAt now: Instant) -> Instant {
    if let startMicroseconds { return Instant(microseconds: startMicroseconds) }
    return Instant(microseconds: now.microseconds + Int64(((delaySeconds ?? 0) * 1_000_000).rounded(.toNearestOrEven)))
  }

  fileprivate var tagsJSON: RawJSON {
    guard !tags.isEmpty else { return .emptyObject }
    var writer = JSONWriter()
    writer.object { writer in
      for (name, text) in tags.sorted(by: { $0.key < $1.key }) { writer.field(name, text) }
    }
    return RawJSON(trusted: writer.bytes)
  }
}

extension JobSnapshot {
  /// A job as it is right after its submission.
  init(_ job: NewJob, createdAt: Instant) {
    let submission = job.submission
    self.init(
      id: job.id, queue: submission.queue, kind: submission.kind, status: .queued, payload: submission.payload,
      priority: submission.priority, placement: submission.placement, onInterruption: submission.onInterruption,
      tags: submission.tagsJSON, attempt: 0, maxAttempts: submission.maxAttempts, failures: 0, interruptions: 0,
      losses: 0, maxLosses: submission.maxLosses, timeoutSeconds: submission.timeoutSeconds, progress: nil,
      checkpoint: nil, result: nil, error: nil, workerID: nil, runAt: submission.runAt(submittedAt: createdAt),
      createdAt: createdAt, startedAt: nil, finishedAt: nil)
  }
}
