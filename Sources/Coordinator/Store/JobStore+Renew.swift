import BatonPostgres
import BatonShared

extension JobStore {
  /// Renews leases for their full time and notes the jobs' progress.
  ///
  /// One that has expired is in force as long as the reaper has not come: nobody else can have the job.
  /// - Returns: the status of each lease, in order.
  func renew(_ leases: [Heartbeat.Lease], ttlSeconds: Double) async throws(PostgresError) -> [LeaseStatus] {
    guard !leases.isEmpty else { return [] }
    let rows = try await database.query(
      Self.renewSQL,
      .uuidArray(leases.map(\.leaseID.uuid)),
      .float8Array(leases.map { $0.progress?.fraction }),
      .textArray(leases.map { $0.progress?.message }),
      .float8(ttlSeconds))
    var statuses: [LeaseID: LeaseStatus] = [:]
    statuses.reserveCapacity(rows.count)
    for row in rows { statuses[LeaseID(try row.uuid(0))] = try row.bool(1) ? .cancel : .held }
    return leases.map { statuses[$0.leaseID] ?? .lost }
  }

  /// A heap-only update: neither the wide row nor an index is touched. Rows are locked in the order of their ids, as
  /// everywhere, so that a renewal and a settle of the same leases cannot wait for each other.
  private static let renewSQL = """
    with asked as (
      select distinct on (lease_id) * from unnest($1::uuid[], $2::float8[], $3::text[])
      as asked(lease_id, fraction, message)
      order by lease_id
    ), held as (
      select attempts.lease_id from attempts join asked using (lease_id)
      where outcome is null
      order by lease_id for update of attempts
    ), renewed as (
      update attempts set expires_at = now() + $4 * interval '1 second',
        progress_fraction = coalesce(asked.fraction, attempts.progress_fraction),
        progress_message = coalesce(asked.message, attempts.progress_message)
      from held join asked using (lease_id)
      where attempts.lease_id = held.lease_id
      returning attempts.lease_id, attempts.job_id
    )
    select renewed.lease_id, jobs.cancel_requested_at is not null
    from renewed join jobs on jobs.id = renewed.job_id
    """
}
