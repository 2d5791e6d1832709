import BatonPostgres
import BatonShared

extension JobStore {
  /// Appends to what the job wrote, and drops the oldest pieces beyond `keepingBytes` of the whole job.
  /// - Returns: false when the lease is lost.
  func appendLog(_ text: String, lease: LeaseID, keepingBytes limit: Int) async throws(PostgresError) -> Bool {
    let rows = try await database.query(
      """
      with held as (
        select job_id, attempt from attempts where lease_id = $1 and outcome is null for key share
      ), written as (
        insert into job_logs (job_id, attempt, size_bytes, body)
        select job_id, attempt, octet_length($2), $2 from held
        returning job_id
      ), sized as (
        select job_id, chunk, octet_length($2) + sum(size_bytes) over (order by chunk desc) as size
        from job_logs where job_id = (select job_id from held)
      ), dropped as (
        delete from job_logs using sized
        where job_logs.job_id = sized.job_id and job_logs.chunk = sized.chunk and sized.size > $3
      )
      select true from written
      """, .uuid(lease.uuid), .text(text), .int8(Int64(limit)))
    return !rows.isEmpty
  }

  /// What the job wrote, of one attempt or of all.
  /// - Returns: nil when there is no such job.
  func log(job: JobID, attempt: Int?) async throws(PostgresError) -> String? {
    let rows = try await database.query(
      """
      select coalesce(string_agg(body, '' order by chunk), '') from jobs
      left join job_logs on job_logs.job_id = jobs.id and ($2::integer is null or job_logs.attempt = $2)
      where jobs.id = $1 group by jobs.id
      """, .uuid(job.uuid), .int4(attempt.map { Int32(clamping: $0) }))
    return try rows.first?.text(0)
  }
}
