import BatonPostgres
import BatonShared

/// What a batch of settlements did.
struct SettleOutcomes: Sendable {
  /// Whether each settlement took effect, in order.
  var statuses: [SettleStatus]
  /// Jobs that are queued again.
  var requeued: [Requeued]
  /// For each attempt that was begun and ended and whose job is neither done nor cancelled.
  var lostWork: [LostWork] = []
}

extension JobStore {
  /// Ends attempts and moves their jobs on, in one statement and one commit.
  ///
  /// Only an attempt without outcome is ended: the fence. A settlement that comes again is `accepted` again if it says
  /// what was accepted before, so that a worker whose answer was lost may repeat itself.
  func settle(_ settlements: [Settlement]) async throws(PostgresError) -> SettleOutcomes {
    var first: [LeaseID: Settlement] = [:]
    for settlement in settlements where first[settlement.leaseID] == nil { first[settlement.leaseID] = settlement }
    // Always in this order, so that a settle and a renewal of the same leases cannot wait for each other.
    let distinct = first.values.sorted { $0.leaseID < $1.leaseID }
    let rows = try await hot.query(
      Self.settleSQL,
      .uuidArray(distinct.map(\.leaseID.uuid)),
      .textArray(distinct.map(\.outcome.rawValue)),
      .jsonArray(distinct.map { $0.result?.bytes }),
      .textArray(distinct.map { $0.failure?.code }),
      .textArray(distinct.map { $0.failure?.message }),
      .boolArray(distinct.map(\.retryable)),
      .textArray(distinct.map(\.reason)),
      .float8Array(distinct.map(\.delaySeconds)))
    var ended: Set<LeaseID> = []
    var requeued: [Requeued] = []
    var lostWork: [LostWork] = []
    for row in rows {
      let lease = LeaseID(try row.uuid(0))
      ended.insert(lease)
      if let due = try row.doubleOrNil(1) {
        let position = try LeasePosition(row, at: 3)
        requeued.append(Requeued(queue: position.range.queue, dueInSeconds: due, position: position))
      }
      // What was leased ahead and never begun has waited, not worked.
      if let seconds = try row.doubleOrNil(2), let settlement = first[lease], settlement.begun,
        let outcome = settlement.outcome.ofAttempt
      {
        lostWork.append(LostWork(outcome: outcome, seconds: seconds))
      }
    }
    let earlier = try await outcomes(of: distinct.map(\.leaseID).filter { !ended.contains($0) })
    let statuses = settlements.map { settlement -> SettleStatus in
      let accepted = ended.contains(settlement.leaseID) ? first[settlement.leaseID]?.outcome.rawValue : nil
      return (accepted ?? earlier[settlement.leaseID]) == settlement.outcome.rawValue ? .accepted : .lost
    }
    return SettleOutcomes(statuses: statuses, requeued: requeued, lostWork: lostWork)
  }

  private func outcomes(of leases: [LeaseID]) async throws(PostgresError) -> [LeaseID: String] {
    guard !leases.isEmpty else { return [:] }
    let rows = try await hot.query(
      "select lease_id, outcome from attempts where lease_id = any($1) and outcome is not null",
      .uuidArray(leases.map(\.uuid)))
    var outcomes: [LeaseID: String] = [:]
    for row in rows { outcomes[LeaseID(try row.uuid(0))] = try row.text(1) }
    return outcomes
  }

  /// Attempts are ended in the order in which they come, each before its job is moved on: the same as in `renew` and
  /// `reap`. A row that somebody else has just changed is looked at again as it is then, and what is set is worked out
  /// from that: only one can end an attempt, and a cancel that is just being committed is seen.
  ///
  /// Every row is looked up by its key, whatever the planner knows of the tables, by `= any(array[…])`, which no other
  /// join can use. (Not by `ctid`: a row that somebody else has just changed is not seen where it is now.) That
  /// `ended_at` is null says that an attempt is open: with `outcome`, the planner might read the index of all open ones
  /// from end to end.
  ///
  /// `run_at` stays as it was unless there is a delay, so that a job handed back is ahead of newer work.
  private static let settleSQL = """
    with ended as (
      update attempts set outcome = said.outcome, reason = coalesce(said.reason, said.message), ended_at = now(),
        -- What is done is wholly done: "step 49 of 50", said with the last heartbeat, is not so any more.
        progress_fraction = case when said.outcome = 'done' and progress_fraction is not null then 1
          else progress_fraction end,
        progress_message = case when said.outcome <> 'done' then progress_message end
      from unnest($1::uuid[], $2::text[], $3::json[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::float8[])
        as said(lease_id, outcome, result, code, message, retryable, reason, delay)
      where attempts.lease_id = any(array[said.lease_id]) and ended_at is null
      returning attempts.job_id, attempts.started_at, said.*, said.outcome in ('failed', 'timed_out') as is_failure
    ), moved as (
      update jobs set
        (status, scheduled, run_at, finished_at, failures, interruptions, result, error_code, error_message) = (
          select next, next = 'queued' and wait > 0,
            case when next = 'queued' and wait > 0 then now() + wait * interval '1 second' else run_at end,
            case when next <> 'queued' then now() end,
            failures + is_failure::integer,
            interruptions + (outcome = 'interrupted')::integer,
            case when next = 'done' then ended.result end,
            case when is_failure then code when next = 'done' then null else error_code end,
            case when is_failure then message when next = 'done' then null else error_message end
          from (
            select
              baton_next_status(outcome, cancel_requested_at is not null, retryable, failures + is_failure::integer,
                max_attempts, losses, max_losses) as next,
              case when is_failure then coalesce(delay, baton_backoff(failures + 1))
                   when outcome = 'released' then coalesce(delay, 0) else 0 end as wait
          ) as verdict
        )
      from ended where jobs.id = any(array[ended.job_id])
      returning lease_id, ended.started_at, jobs.id, status, queue, placement, priority, run_at,
        case when status = 'queued' then case when scheduled then extract(epoch from run_at - now()) else 0 end end as due
    )
    select lease_id, due::float8,
      -- The checkpoint is looked up for what did not get done only.
      case when status not in ('done', 'cancelled') then greatest(0, extract(epoch from now() - greatest(started_at,
        (select saved_at from checkpoints where job_id = moved.id))))::float8 end,
      -- Where it stands now, if it is queued again.
      case when due is not null then queue end, case when due is not null then placement end,
      case when due is not null then priority::integer end, case when due is not null then run_at end
    from moved
    """
}

extension SettleOutcome {
  /// The same word, of the attempt.
  fileprivate var ofAttempt: AttemptOutcome? { AttemptOutcome(rawValue: rawValue) }
}

extension Settlement {
  /// What goes on record for a failure; a worker that gives no reason still leaves a code.
  fileprivate var failure: JobFailure? {
    switch outcome {
    case .failed: error ?? JobFailure(code: "failed", message: reason ?? "the worker gave no reason")
    case .timedOut: error ?? JobFailure(code: "timed_out", message: reason ?? "ran longer than its timeout_seconds")
    case .done, .released, .interrupted, .cancelled: nil
    }
  }
}
