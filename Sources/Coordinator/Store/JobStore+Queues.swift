import BatonPostgres
import BatonShared

extension JobStore {
  /// Pauses or resumes a queue; one that has no jobs yet, too.
  func setPaused(_ paused: Bool, queue: String) async throws(PostgresError) {
    try await database.query(
      """
      with changed as (
        insert into queues (name, paused) values ($1, $2)
        on conflict (name) do update set paused = excluded.paused, changed_at = now()
        returning name
      )
      select baton_notify($3, array_agg(name) filter (where not $2)) from changed
      """, .text(queue), .bool(paused), .text(sender))
  }

  /// Every queue that has jobs or was ever paused. Counts every job.
  func queues() async throws(PostgresError) -> [QueueSnapshot] {
    let rows = try await database.query(
      """
      with counted as (
        select queue, status, count(*) as jobs,
          extract(epoch from now() - min(run_at) filter (where status = 'queued' and not scheduled))::float8 as waits
        from jobs group by queue, status
      )
      select coalesce(counted.queue, queues.name), status, jobs, waits, coalesce(paused, false)
      from counted full join queues on queues.name = counted.queue order by 1
      """)
    var queues: [QueueSnapshot] = []
    for row in rows {
      let name = try row.text(0)
      if queues.last?.name != name {
        queues.append(
          QueueSnapshot(name: name, paused: try row.bool(4), counts: StatusCounts(), oldestQueuedSeconds: nil))
      }
      guard let status = try row.textOrNil(1).flatMap(JobStatus.init) else { continue }
      queues[queues.count - 1].counts[status] = try row.int(2)
      if let waits = try row.doubleOrNil(3) { queues[queues.count - 1].oldestQueuedSeconds = max(0, waits) }
    }
    return queues
  }
}
