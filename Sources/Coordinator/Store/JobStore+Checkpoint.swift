import BatonPostgres
import BatonShared

/// A checkpoint with its bytes.
struct StoredCheckpoint: Sendable {
  let sequence: Int
  let contentType: String
  let bytes: [UInt8]
}

extension JobStore {
  /// Replaces the job's checkpoint, if the lease is in force.
  /// - Returns: the new checkpoint's sequence; nil when the lease is lost.
  func saveCheckpoint(
    _ bytes: [UInt8], contentType: String, lease: LeaseID
  ) async throws(PostgresError) -> Int? {
    let rows = try await database.query(
      """
      with held as (
        select job_id from attempts where lease_id = $1 and outcome is null for update
      ), saved as (
        insert into checkpoints (job_id, sequence, content_type, size_bytes, data)
        select job_id, 1, $2, octet_length($3), $3 from held
        on conflict (job_id) do update set sequence = checkpoints.sequence + 1, content_type = excluded.content_type,
          size_bytes = excluded.size_bytes, data = excluded.data, saved_at = now()
        returning sequence
      )
      update attempts set checkpoint_sequence = saved.sequence from saved where lease_id = $1
      returning saved.sequence
      """, .uuid(lease.uuid), .text(contentType), .bytea(bytes))
    return try rows.first?.int(0)
  }

  /// The newest checkpoint of the job that the lease is for, if the lease is in force.
  /// - Returns: nil when the lease is lost; inside of it, nil when there is no checkpoint.
  func checkpoint(lease: LeaseID) async throws(PostgresError) -> StoredCheckpoint?? {
    let rows = try await database.query(
      """
      select sequence, content_type, data from attempts left join checkpoints using (job_id)
      where lease_id = $1 and outcome is null
      """, .uuid(lease.uuid))
    guard let row = rows.first else { return nil }
    return .some(try Self.checkpoint(row))
  }

  /// The newest checkpoint of a job.
  /// - Returns: nil when there is no such job; inside of it, nil when it has no checkpoint.
  func checkpoint(job: JobID) async throws(PostgresError) -> StoredCheckpoint?? {
    let rows = try await database.query(
      """
      select sequence, content_type, data from jobs left join checkpoints on checkpoints.job_id = jobs.id
      where jobs.id = $1
      """, .uuid(job.uuid))
    guard let row = rows.first else { return nil }
    return .some(try Self.checkpoint(row))
  }

  private static func checkpoint(_ row: PostgresRow) throws(PostgresError) -> StoredCheckpoint? {
    guard let sequence = try row.intOrNil(0) else { return nil }
    return StoredCheckpoint(sequence: sequence, contentType: try row.text(1), bytes: try row.bytes(2))
  }
}
