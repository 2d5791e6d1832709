import BatonPostgres
import BatonShared

/// A part of a checkpoint to read.
struct CheckpointSlice: Sendable {
  static let whole = CheckpointSlice(offset: 0, count: Int(Int32.max))

  let offset: Int
  let count: Int
}

/// A checkpoint, or a part of it.
struct StoredCheckpoint: Sendable {
  /// Tells one checkpoint of a job from every other: a sequence may come again when a retry has discarded the first.
  struct Version: Sendable, Hashable {
    let sequence: Int
    let savedAt: Int64
  }

  let version: Version
  let contentType: String
  /// Of the whole.
  let size: Int
  /// Of the part.
  let bytes: [UInt8]

  var sequence: Int { version.sequence }
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
  func checkpoint(
    lease: LeaseID, _ slice: CheckpointSlice = .whole
  ) async throws(PostgresError) -> StoredCheckpoint?? {
    let rows = try await database.query(
      """
      select \(Self.sliceColumns) from attempts left join checkpoints using (job_id)
      where lease_id = $1 and outcome is null
      """, .uuid(lease.uuid), .int4(Int32(slice.offset + 1)), .int4(Int32(slice.count)))
    guard let row = rows.first else { return nil }
    return .some(try Self.checkpoint(row))
  }

  /// The newest checkpoint of a job.
  /// - Returns: nil when there is no such job; inside of it, nil when it has no checkpoint.
  func checkpoint(
    job: JobID, _ slice: CheckpointSlice = .whole
  ) async throws(PostgresError) -> StoredCheckpoint?? {
    let rows = try await database.query(
      """
      select \(Self.sliceColumns) from jobs left join checkpoints on checkpoints.job_id = jobs.id
      where jobs.id = $1
      """, .uuid(job.uuid), .int4(Int32(slice.offset + 1)), .int4(Int32(slice.count)))
    guard let row = rows.first else { return nil }
    return .some(try Self.checkpoint(row))
  }

  /// The value is stored uncompressed and out of line, so only the pages of the slice are read.
  private static let sliceColumns = "sequence, content_type, substring(data from $2 for $3), size_bytes, saved_at"

  private static func checkpoint(_ row: PostgresRow) throws(PostgresError) -> StoredCheckpoint? {
    guard let sequence = try row.intOrNil(0) else { return nil }
    return StoredCheckpoint(
      version: StoredCheckpoint.Version(sequence: sequence, savedAt: try row.timestamp(4)),
      contentType: try row.text(1), size: try row.int(3), bytes: try row.bytes(2))
  }
}
