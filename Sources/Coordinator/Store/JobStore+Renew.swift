import BatonPostgres
import BatonShared

extension JobStore {
  /// Renews leases for their full time and notes the jobs' progress.
  ///
  /// One that has expired is in force as long as the reaper has not come: nobody else can have the job.
  /// - Returns: the status of each lease, in order.
  func renew(_ leases: [Heartbeat.Lease], ttlSeconds: Double) async throws(PostgresError) -> [LeaseStatus] {
    guard !leases.isEmpty else { return [] }
    let asked = Self.lastOfEach(leases)
    let rows = try await hot.query(
      Self.renewSQL,
      .uuidArray(asked.map(\.leaseID.uuid)),
      .float8Array(asked.map { $0.progress?.fraction }),
      .textArray(asked.map { $0.progress?.message }),
      .float8(ttlSeconds))
    var statuses: [LeaseID: LeaseStatus] = [:]
    statuses.reserveCapacity(rows.count)
    for row in rows { statuses[LeaseID(try row.uuid(0))] = try row.bool(1) ? .cancel : .held }
    return leases.map { statuses[$0.leaseID] ?? .lost }
  }

  /// Each lease once, in the order of the ids: two statements with the same leases cannot wait for each other then.
  private static func lastOfEach(_ leases: [Heartbeat.Lease]) -> [Heartbeat.Lease] {
    let sorted = leases.enumerated().sorted {
      ($0.element.leaseID, $0.offset) < ($1.element.leaseID, $1.offset)
    }
    var asked: [Heartbeat.Lease] = []
    asked.reserveCapacity(sorted.count)
    for (_, lease) in sorted {
      if asked.last?.leaseID == lease.leaseID { asked.removeLast() }
      asked.append(lease)
    }
    return asked
  }

  /// A heap-only update: neither the wide row nor an index is touched. Each row is looked up by its key; see `settle`
  /// for how.
  private static let renewSQL = """
    update attempts set expires_at = now() + $4 * interval '1 second',
      progress_fraction = coalesce(asked.fraction, attempts.progress_fraction),
      progress_message = coalesce(asked.message, attempts.progress_message)
    from unnest($1::uuid[], $2::float8[], $3::text[]) as asked(lease_id, fraction, message)
    where attempts.lease_id = any(array[asked.lease_id]) and ended_at is null
    returning attempts.lease_id,
      coalesce((select cancel_requested_at is not null from jobs where jobs.id = attempts.job_id), false)
    """
}
