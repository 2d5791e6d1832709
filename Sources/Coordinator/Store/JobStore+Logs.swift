import BatonPostgres
import BatonShared

/// What a job wrote.
struct StoredLog: Sendable {
  let size: Int
  /// nil when it is larger than was asked for.
  let bytes: [UInt8]?
}

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

  /// What the job wrote, of one attempt or of all, unless it is more than `limit` bytes.
  /// - Returns: nil when there is no such job.
  func log(job: JobID, attempt: Int?, upTo limit: Int) async throws(PostgresError) -> StoredLog? {
    let rows = try await database.query(
      """
      with total as (
        select coalesce(sum(size_bytes), 0)::bigint as size from job_logs
        where job_id = $1 and ($2::integer is null or attempt = $2)
      )
      select size, case when size <= $3 then coalesce((
          select string_agg(body, '' order by chunk) from job_logs
          where job_id = $1 and ($2::integer is null or attempt = $2)
        ), '') end
      from jobs cross join total where jobs.id = $1
      """, .uuid(job.uuid), .int4(attempt.map { Int32(clamping: $0) }), .int8(Int64(limit)))
    guard let row = rows.first else { return nil }
    return StoredLog(size: try row.int(0), bytes: row.isNull(1) ? nil : Array(try row.text(1).utf8))
  }
}
