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
    self.queues = Array(Set(queues)).sorted()
    self.kinds = Array(Set(kinds)).sorted()
    self.capacityType = capacityType
  }
}

/// A job handed to a worker, and how long it had been ready.
struct Lease: Sendable {
  let workerID: String
  let grant: LeaseGrant
  let waitedSeconds: Double
  /// What came before this attempt; nil if the one before was not handed back or lost.
  var handover: Handover?
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
  /// Leases the best ready jobs, one for each entry of `workerIDs`, in the order in which they are to be run:
  /// the highest priority first, then the oldest `run_at`.
  func lease(
    _ filter: LeaseFilter, to workerIDs: [String], ttlSeconds: Double
  ) async throws(PostgresError) -> [Lease] {
    let rows = try await database.query(
      filter.kinds.isEmpty ? Self.leaseAnyKindSQL : Self.leaseKindsSQL,
      .textArray(filter.queues),
      .textArray(filter.capacityType.placements.map(\.rawValue)),
      .uuidArray(workerIDs.map { _ in LeaseID().uuid }),
      .textArray(workerIDs),
      .text(filter.capacityType.rawValue),
      .float8(ttlSeconds),
      .textArray(filter.kinds))
    var leases: [Lease] = []
    leases.reserveCapacity(rows.count)
    for row in rows {
      let checkpoint = try row.intOrNil(11).map { sequence throws(PostgresError) in
        LeaseGrant.Checkpoint(sequence: sequence, sizeBytes: try row.int(12), contentType: try row.text(13))
      }
      let grant = LeaseGrant(
        leaseID: LeaseID(try row.uuid(1)), jobID: JobID(try row.uuid(2)), queue: try row.text(3),
        kind: try row.text(4), payload: RawJSON(trusted: try row.bytes(5)), attempt: try row.int(6),
        interruptions: try row.int(7), leaseTTLSeconds: ttlSeconds, timeoutSeconds: try row.doubleOrNil(8),
        onInterruption: InterruptionBehaviour(rawValue: try row.text(9)) ?? .auto, checkpoint: checkpoint)
      let handover = try row.textOrNil(14).flatMap(AttemptOutcome.init).map { outcome throws(PostgresError) in
        Handover(from: outcome, seconds: try row.double(15))
      }
      leases.append(
        Lease(
          workerID: try row.text(0), grant: grant, waitedSeconds: try row.double(10), handover: handover))
    }
    return leases
  }

  private static let leaseAnyKindSQL = leaseSQL(kinds: "cardinality($7::text[]) = 0")
  private static let leaseKindsSQL = leaseSQL(kinds: "kind = any($7)")

  /// `ready` locks as it walks the index `jobs_ready`, once for each queue and placement, and skips what another
  /// coordinator is leasing at this moment; `asked` gives each job found a lease id and a worker by its rank.
  /// A job's row stays locked until the commit, so nobody sees it `processing` without its open attempt.
  private static func leaseSQL(kinds: String) -> String {
    """
    with asked as (
      select * from unnest($3::uuid[], $4::text[]) with ordinality as asked(lease_id, worker_id, rank)
    ), ready as (
      select job.id, row_number() over (order by job.priority desc, job.run_at, job.id) as rank
      from unnest($1::text[]) as queue(name)
      cross join unnest($2::text[]) as placement(name)
      cross join lateral (
        select id, priority, run_at from jobs
        where status = 'queued' and not scheduled and jobs.queue = queue.name and jobs.placement = placement.name
          and \(kinds)
        order by priority desc, run_at, id
        limit cardinality($3) for update skip locked
      ) as job
      where not exists (select from queues where queues.name = queue.name and paused)
      order by job.priority desc, job.run_at, job.id
      limit cardinality($3)
    ), leased as (
      update jobs set status = 'processing', attempt = jobs.attempt + 1, worker_id = asked.worker_id,
        started_at = coalesce(jobs.started_at, now())
      from ready join asked using (rank)
      where jobs.id = ready.id
      returning asked.rank, asked.worker_id, asked.lease_id, jobs.id, jobs.queue, jobs.kind, jobs.payload, jobs.attempt,
        jobs.interruptions, jobs.timeout_seconds, jobs.on_interruption,
        extract(epoch from now() - greatest(jobs.run_at, jobs.created_at))::float8 as waited
    ), opened as (
      insert into attempts (lease_id, job_id, attempt, worker_id, capacity_type, expires_at, checkpoint_sequence)
      select lease_id, leased.id, attempt, worker_id, $5, now() + $6 * interval '1 second', checkpoints.sequence
      from leased left join checkpoints on checkpoints.job_id = leased.id
    )
    select worker_id, lease_id, leased.id, queue, kind, payload, attempt, interruptions, timeout_seconds,
      on_interruption, waited, checkpoints.sequence, checkpoints.size_bytes, checkpoints.content_type,
      before.outcome, before.seconds
    from leased left join checkpoints on checkpoints.job_id = leased.id
    left join lateral (
      select outcome, greatest(0, extract(epoch from now()
        - case outcome when 'lost' then expires_at - $6 * interval '1 second' else ended_at end))::float8 as seconds
      from attempts as earlier
      -- Looked up for jobs that were run before only.
      where leased.attempt > 1 and earlier.job_id = leased.id and earlier.attempt = leased.attempt - 1
        and outcome in ('interrupted', 'released', 'lost')
      limit 1
    ) as before on true
    order by rank
    """
  }
}
