import BatonPostgres
import Logging

/// The table that `pgbench` works on (`PgBench.schema`), with the same statements for many requests at once, one at a time
/// of each sort: no fence, no record of attempts, nobody to be told.
struct OneTable: Sendable {
  typealias Lease = (id: Int64, payload: [UInt8])

  let pool: PostgresPool
  let submissions: GroupCommit<[UInt8], Int64>
  let leases: GroupCommit<Void, Lease?>
  let settlements: GroupCommit<Int64, Bool>

  init(url: String, logger: Logger) {
    var configuration = PostgresConfiguration(url: url, applicationName: "yardstick")
    configuration.planning = .onceByIndex
    let pool = PostgresPool(configuration: configuration, size: 3, logger: logger)
    self.pool = pool
    submissions = GroupCommit { payloads in
      try await pool.query(Self.submit, .jsonArray(payloads)).map { try $0.id(0) }
    }
    leases = GroupCommit { requests in
      let rows = try await pool.query(Self.lease, .int8(Int64(requests.count)))
      let leases: [Lease?] = try rows.map { (try $0.id(0), try $0.bytes(1)) }
      return leases + Array(repeating: nil, count: requests.count - leases.count)
    }
    settlements = GroupCommit { ids in
      let settled = Set(try await pool.query(Self.settle, .int8Array(ids)).map { try $0.id(0) })
      return ids.map(settled.contains)
    }
  }

  private static let submit = """
    insert into yardstick_jobs (queue, kind, payload)
    select 'default', 'noop', payload from unnest($1::json[]) as payload returning id
    """

  private static let lease = """
    with next as (
      select id from yardstick_jobs where queue = 'default' and status = 'queued'
      order by priority desc, run_at, id limit $1 for update skip locked
    ) update yardstick_jobs j set status = 'processing', attempt = attempt + 1, worker_id = 'worker',
        leased_until = now() + interval '30 seconds'
      from next where j.id = next.id returning j.id, j.payload
    """

  private static let settle = """
    update yardstick_jobs set status = 'done', finished_at = now()
    where id = any ($1::bigint[]) and status = 'processing' returning id
    """
}

extension PostgresRow {
  fileprivate func id(_ column: Int) throws(PostgresError) -> Int64 { Int64(try int(column)) }
}
