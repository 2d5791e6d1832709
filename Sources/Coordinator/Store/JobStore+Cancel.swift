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
  ///
  /// The update looks at nothing but the row itself: if a lease is being committed at this moment, PostgreSQL evaluates
  /// it again on the row as it is then.
  func cancel(_ id: JobID) async throws(PostgresError) -> ChangeOutcome {
    let rows = try await database.query(
      """
      update jobs set
        status = case status when 'queued' then 'cancelled' else status end,
        finished_at = case status when 'queued' then now() end,
        scheduled = false,
        cancel_requested_at = coalesce(cancel_requested_at, now())
      where id = $1 and status in ('queued', 'processing')
      returning true
      """, .uuid(id.uuid))
    return rows.isEmpty ? try await refusal(id) : .changed(nil)
  }

  /// Queues a failed or cancelled job again with fresh budgets.
  func retry(_ id: JobID, discardCheckpoint: Bool) async throws(PostgresError) -> ChangeOutcome {
    let rows = try await database.query(
      """
      with moved as (
        update jobs set status = 'queued', scheduled = false, run_at = now(), finished_at = null,
          cancel_requested_at = null, failures = 0, losses = 0, interruptions = 0, error_code = null,
          error_message = null
        where id = $1 and status in ('failed', 'cancelled')
        returning id, queue, placement, priority, run_at
      ), discarded as (
        delete from checkpoints using moved where $2 and checkpoints.job_id = moved.id
      )
      select queue, placement, priority::integer, run_at from moved
      """, .uuid(id.uuid), .bool(discardCheckpoint))
    guard let row = rows.first else { return try await refusal(id) }
    let position = try LeasePosition(row, at: 0)
    return .changed(Requeued(queue: position.range.queue, dueInSeconds: 0, position: position))
  }

  private func refusal(_ id: JobID) async throws(PostgresError) -> ChangeOutcome {
    let rows = try await database.query("select status from jobs where id = $1", .uuid(id.uuid))
    guard let row = rows.first else { return .notFound }
    return .refused(JobStatus(rawValue: try row.text(0)) ?? .done)
  }
}
