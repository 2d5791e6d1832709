import BatonPostgres

extension JobStore {
  /// Makes up to `limit` delayed jobs ready that are due.
  @concurrent func promote(limit: Int) async throws(PostgresError) -> [Requeued] {
    // Not on the caller's actor, which settlements ask something: reading a thousand rows takes a while.
    let rows = try await upkeep.query(
      """
      with due as (
        select id from jobs where scheduled and run_at <= now() order by run_at limit $1 for update skip locked
      ), moved as (
        update jobs set scheduled = false from due where jobs.id = due.id returning queue, placement, priority, run_at
      )
      select queue, placement, priority::integer, run_at from moved
      """, .int4(Int32(limit)))
    var requeued: [Requeued] = []
    for row in rows {
      let position = try LeasePosition(row, at: 0)
      requeued.append(Requeued(queue: position.range.queue, dueInSeconds: 0, position: position))
    }
    return requeued
  }

  /// Seconds until the next delayed job is due, at least 0; nil when none waits.
  func secondsUntilNextDue() async throws(PostgresError) -> Double? {
    let rows = try await upkeep.query(
      "select greatest(0, extract(epoch from run_at - now()))::float8 from jobs where scheduled order by run_at limit 1"
    )
    return try rows.first?.doubleOrNil(0)
  }
}
