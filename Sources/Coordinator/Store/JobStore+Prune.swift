import BatonPostgres

extension JobStore {
  /// Deletes up to `limit` jobs that finished longer ago than `ageSeconds`, with all that belongs to them.
  /// - Returns: how many.
  func pruneJobs(olderThan ageSeconds: Double, limit: Int) async throws(PostgresError) -> Int {
    let rows = try await database.query(
      """
      with old as (
        select id from jobs where finished_at < now() - $1 * interval '1 second'
        order by finished_at limit $2 for update skip locked
      )
      delete from jobs using old where jobs.id = old.id returning jobs.id
      """, .float8(ageSeconds), .int4(Int32(limit)))
    return rows.count
  }

  /// Deletes workers that have not been heard of for `ageSeconds` and hold nothing.
  /// - Returns: how many.
  func pruneWorkers(silentFor ageSeconds: Double) async throws(PostgresError) -> Int {
    let rows = try await database.query(
      """
      delete from workers where last_heartbeat_at < now() - $1 * interval '1 second'
        and not exists (select from attempts where outcome is null and worker_id = workers.id)
      returning id
      """, .float8(ageSeconds))
    return rows.count
  }
}
