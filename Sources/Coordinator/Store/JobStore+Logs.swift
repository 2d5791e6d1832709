import BatonPostgres
import BatonShared

/// What a job wrote.
struct StoredLog: Sendable {
  let size: Int
  /// nil when it is larger than was asked for.
  let bytes: [UInt8]?
}

extension JobStore {
  /// Pieces are put together to rows of this many bytes: more would have to be written again with each piece.
  private static let maximumJoinedBytes = 8 << 10

  /// Appends to what the job wrote, and drops the oldest rows beyond `keepingBytes` of the whole job.
  ///
  /// A piece goes into the row of the one before if that stays small, so any two neighbours of an attempt are larger
  /// together than what is joined: a log of 4 MiB has at most 1,024 rows and one for each attempt, however small its
  /// pieces were.
  /// - Returns: false when the lease is lost.
  func appendLog(_ text: String, lease: LeaseID, keepingBytes limit: Int) async throws(PostgresError) -> Bool {
    if text.isEmpty { return try await isInForce(lease) }
    let rows = try await database.query(
      """
      with held as (
        select job_id, attempt from attempts where lease_id = $1 and outcome is null for share
      ), latest as (
        select chunk, job_logs.attempt from job_logs join held using (job_id) order by chunk desc limit 1
      ), joined as (
        -- Of two that come at once, the second waits for the first, and looks at the size again.
        update job_logs set body = body || $2, size_bytes = size_bytes + octet_length($2), written_at = now()
        from held join latest using (attempt)
        where job_logs.job_id = held.job_id and job_logs.chunk = latest.chunk
          and size_bytes + octet_length($2) <= $4
        returning 1
      ), written as (
        insert into job_logs (job_id, attempt, size_bytes, body)
        select job_id, attempt, octet_length($2), $2 from held where not exists (select from joined)
        returning 1
      ), sized as (
        select job_id, chunk, octet_length($2) + sum(size_bytes) over (order by chunk desc) as size
        from job_logs where job_id = (select job_id from held)
      ), dropped as (
        delete from job_logs using sized
        where job_logs.job_id = sized.job_id and job_logs.chunk = sized.chunk and sized.size > $3
      )
      -- Both are counted, for both to be done.
      select true from held where (select count(*) from joined) + (select count(*) from written) > 0
      """, .uuid(lease.uuid), .text(text), .int8(Int64(limit)),
      // A row that is dropped is a small part of what is kept.
      .int8(Int64(min(Self.maximumJoinedBytes, limit / 16))))
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
