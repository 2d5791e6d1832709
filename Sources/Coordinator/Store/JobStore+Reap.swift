import BatonPostgres
import BatonShared

/// What a pass of the reaper did.
struct ReapOutcome: Sendable {
  /// How many leases had expired.
  var lost: Int
  /// Jobs that are queued again.
  var requeued: [Requeued]
  /// For each job that is not cancelled, until its lease expired, so at the most.
  var lostWork: [LostWork] = []
  /// How long the database took.
  var lasted = Duration.zero
}

extension JobStore {
  /// Ends up to `limit` attempts whose lease has expired as `lost` and queues their jobs again, or fails those that
  /// have lost too many workers. Attempts that are being renewed or settled at this moment are left alone.
  ///
  /// - Parameters:
  ///   - spared: Expiries that are left alone.
  ///   - patience: Arriving later than so long after `sentAt`, the statement does nothing: it was on its way for so long
  ///     that nobody can say whether leases that have expired could be renewed.
  ///   - sentAt: By the database's clock; whenever if nil.
  func reap(
    limit: Int, sparing spared: OutageGrace.Spared? = nil, within patience: Duration = .zero, of sentAt: Instant? = nil
  ) async throws(PostgresError) -> ReapOutcome {
    // Without an outage, what expired before now or at any time since: all.
    let (began, ended) = spared.map { ($0.began, $0.ended) } ?? (0, 0)
    let rows = try await upkeep.query(
      Self.reapSQL, .int4(Int32(limit)), .float8(began), .float8(ended),
      .timestamptz(sentAt?.microseconds), .float8(patience / .seconds(1)))
    var outcome = ReapOutcome(lost: 0, requeued: [])
    for row in rows {
      outcome.lasted = .seconds(try row.double(0))
      guard let isQueued = try row.boolOrNil(1) else { continue }
      outcome.lost += 1
      if let seconds = try row.doubleOrNil(2) { outcome.lostWork.append(LostWork(outcome: .lost, seconds: seconds)) }
      if isQueued {
        let position = try LeasePosition(row, at: 3)
        outcome.requeued.append(Requeued(queue: position.range.queue, dueInSeconds: 0, position: position))
      }
    }
    return outcome
  }

  /// How long ago the lease that expired first expired, in seconds; nil when none has.
  func oldestExpiredLeaseSeconds() async throws(PostgresError) -> Double? {
    let rows = try await database.query(
      """
      select extract(epoch from now() - min(expires_at))::float8 from attempts
      where outcome is null and expires_at < now()
      """)
    return try rows.first?.doubleOrNil(0)
  }

  private static let reapSQL = """
    with expired as (
      select lease_id from attempts where outcome is null and expires_at < now() and now() < coalesce($4 + $5 * interval '1 second', 'infinity')
        and (expires_at < now() - $2 * interval '1 second' or expires_at >= now() - $3 * interval '1 second')
      order by lease_id limit $1 for update skip locked
    ), ended as (
      update attempts set outcome = 'lost', reason = 'the lease expired', ended_at = now()
      from expired where attempts.lease_id = expired.lease_id
      returning attempts.job_id, attempts.started_at, attempts.expires_at
    ), verdict as (
      select jobs.id, baton_next_status('lost', cancel_requested_at is not null, true, failures, max_attempts,
        losses + 1, max_losses) as next,
        greatest(0, extract(epoch from ended.expires_at - greatest(ended.started_at, checkpoints.saved_at))) as lost_work
      from ended join jobs on jobs.id = ended.job_id left join checkpoints on checkpoints.job_id = ended.job_id
      for update of jobs
    ), moved as (
      update jobs set status = next, losses = losses + 1,
        finished_at = case when next <> 'queued' then now() end,
        error_code = case when next = 'failed' then 'worker_lost' else error_code end,
        error_message = case when next = 'failed'
          then 'lost ' || losses + 1 || ' workers, of ' || max_losses || ' allowed' else error_message end
      from verdict where jobs.id = verdict.id
      returning next, lost_work, queue, placement, priority, run_at
    )
    select extract(epoch from clock_timestamp() - now())::float8, next = 'queued',
      case when next <> 'cancelled' then lost_work::float8 end, queue, placement, priority::integer, run_at
    from (values (1)) as pass left join moved on true
    """
}
