import BatonJSON
import BatonPostgres
import BatonShared

/// Which jobs a worker may be given. Requests with equal filters are answered by one statement.
struct LeaseFilter: Sendable, Hashable {
  /// Sorted, without repeats.
  let queues: [String]
  /// Sorted, without repeats; empty for all kinds.
  let kinds: [String]
  let capacityType: CapacityType

  init(queues: [String], kinds: [String], capacityType: CapacityType) {
    self.queues = Self.distinct(queues)
    self.kinds = Self.distinct(kinds)
    self.capacityType = capacityType
  }

  private static func distinct(_ names: [String]) -> [String] { names.count > 1 ? Set(names).sorted() : names }
}

/// A job handed to a worker, and how long it had been ready.
struct Lease: Sendable {
  let workerID: String
  let grant: LeaseGrant
  let waitedSeconds: Double
  /// What came before this attempt; nil if the one before was not handed back or lost.
  var handover: Handover?
  /// Where the job stood among those that were ready.
  var position: LeasePosition
  /// Whether its statement left jobs that it had slots for: all together would have been too large.
  var leftOthers = false
}

/// From one attempt to the next.
struct Handover: Sendable {
  /// How the attempt before had ended: `released`, `interrupted` or `lost`.
  var from: AttemptOutcome
  /// From its end to the next lease, in seconds. One that is `lost` ended, for all that is known, when it was renewed
  /// last.
  var seconds: Double
}

extension JobStore {
  /// The most bytes of payloads of one statement; with larger ones it leases fewer jobs, but always one. All of them are
  /// in memory at once, and on their way in one answer.
  static let maximumLeasedBytes = 8 << 20

  /// Leases the best ready jobs, one for each entry of `workerIDs` as far as their payloads' size allows, in the order in
  /// which they are to be run: the highest priority first, then the oldest `run_at`.
  /// - Parameter floors: From where on to look, by queue and placement; from the beginning where there is none.
  func lease(
    _ filter: LeaseFilter, to workerIDs: [String], ttlSeconds: Double, floors: [LeaseRange: LeaseFloor] = [:]
  ) async throws(PostgresError) -> [Lease] {
    let ranges = filter.ranges
    let from = ranges.map { floors[$0] ?? .beginning }
    let rows = try await hot.query(
      filter.kinds.isEmpty ? Self.leaseAnyKindSQL : Self.leaseKindsSQL,
      .textArray(ranges.map(\.queue)),
      .textArray(ranges.map(\.placement.rawValue)),
      .int4Array(from.map { Int32(-$0.priority) }),
      .timestamptzArray(from.map(\.runAt.microseconds)),
      .uuidArray(workerIDs.map { _ in LeaseID().uuid }),
      .textArray(workerIDs),
      .text(filter.capacityType.rawValue),
      .float8(ttlSeconds),
      .textArray(filter.kinds),
      .int8(Int64(Self.maximumLeasedBytes)))
    var leases: [Lease] = []
    leases.reserveCapacity(rows.count)
    for row in rows {
      let checkpoint = try row.intOrNil(11).map { sequence throws(PostgresError) in
        LeaseGrant.Checkpoint(sequence: sequence, sizeBytes: try row.int(12), contentType: try row.text(13))
      }
      let range = ranges[try row.int(3) - 1]
      let grant = LeaseGrant(
        leaseID: LeaseID(try row.uuid(1)), jobID: JobID(try row.uuid(2)), queue: range.queue,
        kind: try row.text(4), payload: RawJSON(trusted: try row.bytes(5)), attempt: try row.int(6),
        interruptions: try row.int(7), leaseTTLSeconds: ttlSeconds, timeoutSeconds: try row.doubleOrNil(8),
        onInterruption: InterruptionBehaviour(rawValue: try row.text(9)) ?? .auto, checkpoint: checkpoint)
      let handover = try row.textOrNil(14).flatMap(AttemptOutcome.init).map { outcome throws(PostgresError) in
        Handover(from: outcome, seconds: try row.double(15))
      }
      let floor = LeaseFloor(priority: try row.int(16), runAt: Instant(microseconds: try row.timestamp(17)))
      leases.append(
        Lease(
          workerID: try row.text(0), grant: grant, waitedSeconds: try row.double(10), handover: handover,
          position: LeasePosition(range: range, floor: floor), leftOthers: try row.bool(18)))
    }
    return leases
  }

  /// Of a range the first ready job that leasing from a floor on passes over; nil if there is none. One that somebody is
  /// changing does not count.
  /// - Parameter kinds: Empty for all.
  func firstReady(
    _ range: LeaseRange, kinds: [String], below floor: LeaseFloor
  ) async throws(PostgresError) -> LeaseFloor? {
    let rows = try await database.query(
      """
      select priority::integer, run_at from jobs
      where status = 'queued' and not scheduled and queue = $1 and placement = $2
        and (-priority, run_at) < ($3::integer, $4::timestamptz) and (cardinality($5::text[]) = 0 or kind = any($5))
        and not exists (select from queues where name = $1 and paused)
      order by -priority, run_at, id
      limit 1 for update of jobs skip locked
      """,
      .text(range.queue), .text(range.placement.rawValue), .int4(Int32(-floor.priority)),
      .timestamptz(floor.runAt.microseconds), .textArray(kinds))
    guard let row = rows.first else { return nil }
    return LeaseFloor(priority: try row.int(0), runAt: Instant(microseconds: try row.timestamp(1)))
  }

  private static let leaseAnyKindSQL = leaseSQL(kinds: "cardinality($9::text[]) = 0")
  private static let leaseKindsSQL = leaseSQL(kinds: "kind = any($9)")

  /// `ready` locks as it walks the index `jobs_ready`, once for each queue and placement, and skips what another
  /// coordinator is leasing at this moment; each job found is given a lease id and a worker by its rank. (See `settle` for
  /// `any`.) A job's row stays locked until the commit, so nobody sees it `processing` without its open
  /// attempt. `fitting` are those whose payloads are not too much together: payloads are as large as they are said to be
  /// only when they have been read, so those that are far too much by what they take up in the table are left out first.
  /// `known` looks up what came before for jobs only that were run before.
  private static func leaseSQL(kinds: String) -> String {
    """
    with ready as (
      select job.*, range.number, row_number() over best as rank,
        sum(case when pg_column_compression(job.payload) is null then pg_column_size(job.payload)
          else 10 * least(pg_column_size(job.payload), 100000000) end) over best as estimate
      from unnest($1::text[], $2::text[], $3::integer[], $4::timestamptz[])
        with ordinality as range(queue, placement, descent, run_at, number)
      cross join lateral (
        select id, priority, run_at, payload from jobs
        where status = 'queued' and not scheduled and jobs.queue = range.queue and jobs.placement = range.placement
          and (-priority, run_at) >= (range.descent, range.run_at) and \(kinds)
        order by -priority, run_at, id
        limit cardinality($5::uuid[]) for update skip locked
      ) as job
      where not exists (select from queues where queues.name = range.queue and paused)
      window best as (order by -job.priority, job.run_at, job.id)
      order by -job.priority, job.run_at, job.id
      limit cardinality($5::uuid[])
    ), fitting as (
      select id, number, rank,
        sum(case when pg_column_size(payload) < 100 then 100 else octet_length(payload::text) end) over (order by rank)
          as total
      from ready where rank = 1 or estimate <= $10
    ), leased as (
      update jobs set status = 'processing', attempt = jobs.attempt + 1, worker_id = ($6::text[])[rank],
        started_at = coalesce(jobs.started_at, now())
      from fitting where jobs.id = any(array[fitting.id]) and (rank = 1 or total <= $10)
      returning rank, fitting.number, jobs.worker_id, ($5::uuid[])[rank] as lease_id, jobs.id, jobs.kind, jobs.payload,
        jobs.attempt, jobs.interruptions, jobs.timeout_seconds, jobs.on_interruption,
        extract(epoch from now() - greatest(jobs.run_at, jobs.created_at))::float8 as waited, jobs.priority, jobs.run_at
    ), known as (
      select leased.*, before.* from leased left join lateral (
        select checkpoints.sequence, checkpoints.size_bytes, checkpoints.content_type, earlier.outcome, earlier.seconds
        from (select) as one
        left join checkpoints on checkpoints.job_id = leased.id
        left join lateral (
          select outcome, greatest(0, extract(epoch from now()
            - case outcome when 'lost' then expires_at - $8::float8 * interval '1 second' else ended_at end))::float8
            as seconds
          from attempts where attempts.job_id = leased.id and attempts.attempt = leased.attempt - 1
            and outcome in ('interrupted', 'released', 'lost')
        ) as earlier on true
        where leased.attempt > 1
        limit 1
      ) as before on true
    ), opened as (
      insert into attempts (lease_id, job_id, attempt, worker_id, capacity_type, expires_at, checkpoint_sequence)
      select lease_id, id, attempt, worker_id, $7, now() + $8::float8 * interval '1 second', sequence from known
    )
    select worker_id, lease_id, id, number::integer, kind, payload, attempt, interruptions, timeout_seconds,
      on_interruption, waited, sequence, size_bytes, content_type, outcome, seconds, priority::integer, run_at,
      (select count(*) from ready) > (select count(*) from leased)
    from known order by rank
    """
  }
}
