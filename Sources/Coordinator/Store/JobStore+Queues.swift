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

  /// A page of the queues, by name.
  /// - Parameter name: The last queue of the page before.
  func queuePage(limit: Int, after name: String?) async throws(PostgresError) -> QueueList {
    let queues = try await queues(limit: limit + 1, after: name)
    let page = Array(queues.prefix(limit))
    return QueueList(queues: page, nextCursor: queues.count > limit ? page.last?.name : nil)
  }

  /// Every queue that has jobs or was ever paused, by name. Counts every job of these queues.
  func queues(limit: Int? = nil, after name: String? = nil) async throws(PostgresError) -> [QueueSnapshot] {
    let rows = try await database.query(
      """
      with named as (
        select queue as name from jobs where $1::text is null or queue > $1
        union select name from queues where $1::text is null or name > $1
        order by name limit $2
      ), counted as (
        select queue, status, count(*) as jobs,
          extract(epoch from now() - min(run_at) filter (where status = 'queued' and not scheduled))::float8 as waits
        from jobs where queue <= (select max(name) from named) and ($1::text is null or queue > $1)
        group by queue, status
      )
      select name, status, jobs, waits, coalesce(paused, false)
      from named left join counted on counted.queue = named.name left join queues using (name) order by name
      """, .text(name), .int8(limit.map(Int64.init)))
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
