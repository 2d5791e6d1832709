import BatonPostgres
import BatonShared

/// What asking for a change of a job came to.
enum ChangeOutcome: Sendable {
  case changed(Requeued?)
  case notFound
  /// The job's status does not allow it.
  case refused(JobStatus)
}

extension JobStore {
  /// Cancels a queued job at once, and asks for a processing one to be stopped.
  func cancel(_ id: JobID) async throws(PostgresError) -> ChangeOutcome {
    let rows = try await database.query(
      """
      with target as (
        select id, status from jobs where id = $1 for update
      ), moved as (
        update jobs set
          status = case target.status when 'queued' then 'cancelled' else target.status end,
          finished_at = case target.status when 'queued' then now() end,
          scheduled = false,
          cancel_requested_at = coalesce(cancel_requested_at, now())
        from target where jobs.id = target.id and target.status in ('queued', 'processing')
        returning true
      )
      select status, exists (select from moved) from target
      """, .uuid(id.uuid))
    guard let row = rows.first else { return .notFound }
    return try row.bool(1) ? .changed(nil) : .refused(JobStatus(rawValue: try row.text(0)) ?? .done)
  }

  /// Queues a failed or cancelled job again with fresh budgets.
  func retry(_ id: JobID, discardCheckpoint: Bool) async throws(PostgresError) -> ChangeOutcome {
    let rows = try await database.query(
      """
      with target as (
        select id, status from jobs where id = $1 for update
      ), moved as (
        update jobs set status = 'queued', scheduled = false, run_at = now(), finished_at = null,
          cancel_requested_at = null, failures = 0, losses = 0, interruptions = 0, error_code = null,
          error_message = null
        from target where jobs.id = target.id and target.status in ('failed', 'cancelled')
        returning jobs.id, queue
      ), discarded as (
        delete from checkpoints using moved where $2 and checkpoints.job_id = moved.id
      ), told as (
        select baton_notify($3, array_agg(queue)) from moved
      )
      select status, queue from target left join moved using (id) cross join told
      """, .uuid(id.uuid), .bool(discardCheckpoint), .text(sender))
    guard let row = rows.first else { return .notFound }
    guard let queue = try row.textOrNil(1) else {
      return .refused(JobStatus(rawValue: try row.text(0)) ?? .done)
    }
    return .changed(Requeued(queue: queue, dueInSeconds: 0))
  }
}
