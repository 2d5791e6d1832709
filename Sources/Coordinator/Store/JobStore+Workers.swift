import BatonJSON
import BatonPostgres
import BatonShared

/// What leasing must know of a worker.
struct WorkerFacts: Sendable, Hashable {
  var capacityType: CapacityType
  /// It said that it drains, or was asked to.
  var isDraining: Bool
}

/// A sign of life of a worker.
struct WorkerPulse: Sendable {
  var workerID: String
  var state: WorkerState
  var interruption: InterruptionReport?
}

/// Where a worker stands in the list of them, the newest first.
struct WorkerPlace: Sendable, Hashable {
  var registeredAt: Instant
  var id: String
}

extension WorkerPlace {
  init(_ worker: WorkerSnapshot) { self.init(registeredAt: worker.registeredAt, id: worker.id) }

  /// Reads what `cursor` wrote; nil when it is something else.
  init?(cursor: String) {
    // With more digits, it would be a time that PostgreSQL does not know.
    guard let point = cursor.firstIndex(of: "."), cursor[..<point].utf8.count <= 18,
      let time = DecimalDigits.value(cursor[..<point])
    else { return nil }
    let id = String(cursor[cursor.index(after: point)...])
    guard Names.isValid(id) else { return nil }
    self.init(registeredAt: Instant(microseconds: Int64(time)), id: id)
  }

  var cursor: String { "\(registeredAt.microseconds).\(id)" }
}

extension JobStore {
  /// Registers a worker or refreshes what it said of itself.
  func register(
    _ id: String, _ worker: WorkerRegistration, silentAfterSeconds: Double
  ) async throws(PostgresError) -> WorkerFacts {
    let rows = try await database.query(
      """
      insert into workers (id, hostname, instance_id, instance_type, availability_zone, capacity_type, provider, queues,
        kinds, slots, version, silent_after)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + $12 * interval '1 second')
      on conflict (id) do update set hostname = excluded.hostname, instance_id = excluded.instance_id,
        instance_type = excluded.instance_type, availability_zone = excluded.availability_zone,
        capacity_type = excluded.capacity_type, provider = excluded.provider, queues = excluded.queues,
        kinds = excluded.kinds, slots = excluded.slots, version = excluded.version, last_heartbeat_at = now(),
        silent_after = excluded.silent_after
      returning capacity_type, state <> 'active' or drain_requested
      """, .text(id), .text(worker.hostname), .text(worker.instanceID), .text(worker.instanceType),
      .text(worker.availabilityZone), .text(worker.capacityType.rawValue), .text(worker.provider),
      .textArray(worker.queues), .textArray(worker.kinds), .int4(Int32(worker.slots)), .text(worker.version),
      .float8(silentAfterSeconds))
    return try Self.facts(rows[0])
  }

  /// What is known of workers, in order; those never heard of are registered with unknown capacity.
  func recognise(_ ids: [String], silentAfterSeconds: Double) async throws(PostgresError) -> [WorkerFacts] {
    let rows = try await hot.query(
      """
      insert into workers (id, silent_after)
      select id, now() + $2 * interval '1 second' from unnest($1::text[]) as asked(id) order by id
      on conflict (id) do update set last_heartbeat_at = now(), silent_after = excluded.silent_after
      returning capacity_type, state <> 'active' or drain_requested, id
      """, .textArray(Array(Set(ids))), .float8(silentAfterSeconds))
    var facts: [String: WorkerFacts] = [:]
    for row in rows { facts[try row.text(2)] = try Self.facts(row) }
    return ids.map { facts[$0] ?? WorkerFacts(capacityType: .unknown, isDraining: false) }
  }

  /// Notes signs of life; a worker never heard of is registered with unknown capacity. A worker that drains never
  /// becomes active again: its id is of one start of one process.
  /// - Returns: for each, in order, whether somebody asked it to drain, and the facts.
  func notePulses(
    _ pulses: [WorkerPulse], silentAfterSeconds: Double
  ) async throws(PostgresError) -> [(drain: Bool, facts: WorkerFacts)] {
    let rows = try await hot.query(
      """
      with said as (
        select distinct on (id) * from unnest($1::text[], $2::text[], $3::json[]) with ordinality
        as said(id, state, interruption, position)
        order by id, position desc
      ), noted as (
        insert into workers as w (id, state, interruption, silent_after)
        select id, state, interruption::jsonb, now() + $4 * interval '1 second' from said order by id
        on conflict (id) do update set last_heartbeat_at = now(), silent_after = excluded.silent_after,
          state = case when excluded.state = 'active' then w.state else excluded.state end,
          -- A worker that goes on working may say no more of what was only a recommendation.
          interruption = case when excluded.state = 'active' and w.state = 'active' then excluded.interruption
            else coalesce(excluded.interruption, w.interruption) end
        returning id, drain_requested, capacity_type, state <> 'active' or drain_requested as draining
      )
      select id, drain_requested, capacity_type, draining from noted
      """, .textArray(pulses.map(\.workerID)), .textArray(pulses.map(\.state.rawValue)),
      .jsonArray(pulses.map { $0.interruption?.json }), .float8(silentAfterSeconds))
    var known: [String: (drain: Bool, facts: WorkerFacts)] = [:]
    for row in rows {
      let facts = WorkerFacts(
        capacityType: CapacityType(rawValue: try row.text(2)) ?? .unknown, isDraining: try row.bool(3))
      known[try row.text(0)] = (try row.bool(1), facts)
    }
    return pulses.map { known[$0.workerID] ?? (false, WorkerFacts(capacityType: .unknown, isDraining: false)) }
  }

  /// Asks a worker to drain, and tells other coordinators.
  /// - Returns: false when there is no such worker.
  func requestDrain(of id: String) async throws(PostgresError) -> Bool {
    let rows = try await database.query(
      """
      with asked as (update workers set drain_requested = true where id = $1 returning id)
      select pg_notify('baton_workers', $2 || ':' || id) from asked
      """, .text(id), .text(sender))
    return !rows.isEmpty
  }

  /// One worker.
  /// - Returns: nil when there is no such worker.
  func worker(_ id: String) async throws(PostgresError) -> WorkerSnapshot? {
    let rows = try await database.query(
      """
      select \(Self.workerColumns), (select count(*) from attempts where outcome is null and worker_id = $1)
      from workers where id = $1
      """, .text(id))
    return try rows.first.map { row throws(PostgresError) in try WorkerSnapshot(row) }
  }

  /// A page of the workers, the newest first.
  /// - Parameter place: The last worker of the page before.
  func workers(limit: Int, after place: WorkerPlace? = nil) async throws(PostgresError) -> WorkerList {
    let rows = try await database.query(
      """
      with page as (
        select *, 2048 + octet_length(array_to_string(queues || kinds, '","')) as size from workers
        where $1::timestamptz is null or registered_at < $1 or (registered_at = $1 and id > $2)
        order by registered_at desc, id limit $3
      ), sized as (
        select *, count(*) over () as found, row_number() over newest as rank, sum(size) over newest as total
        from page window newest as (order by registered_at desc, id)
      ), held as (
        select worker_id, count(*) as leases from attempts where outcome is null group by worker_id
      )
      select \(Self.workerColumns), coalesce(leases, 0), found
      from sized left join held on held.worker_id = sized.id
      where rank = 1 or total <= \(Self.maximumPageBytes) order by registered_at desc, id
      """, .timestamptz(place?.registeredAt.microseconds), .text(place?.id), .int8(Int64(limit + 1)))
    var workers: [WorkerSnapshot] = []
    for row in rows.prefix(limit) { workers.append(try WorkerSnapshot(row)) }
    let found = try rows.first?.int("found") ?? 0
    let next = found > workers.count ? workers.last.map { WorkerPlace($0).cursor } : nil
    return WorkerList(workers: workers, nextCursor: next)
  }

  func workerCounts() async throws(PostgresError) -> [WorkerState: Int] {
    let rows = try await database.query("select \(Self.workerState), count(*) from workers group by 1")
    var counts: [WorkerState: Int] = [:]
    for row in rows {
      if let state = WorkerState(rawValue: try row.text(0)) { counts[state] = try row.int(1) }
    }
    return counts
  }

  private static let workerColumns = """
    id, hostname, instance_id, instance_type, availability_zone, capacity_type, provider, queues, kinds, slots, version,
    \(workerState), last_heartbeat_at, registered_at, interruption
    """

  private static let workerState = """
    case when state = 'gone' or silent_after < now() then 'gone'
      when state = 'draining' or drain_requested then 'draining' else 'active' end
    """

  private static func facts(_ row: PostgresRow) throws(PostgresError) -> WorkerFacts {
    WorkerFacts(capacityType: CapacityType(rawValue: try row.text(0)) ?? .unknown, isDraining: try row.bool(1))
  }
}

extension WorkerSnapshot {
  fileprivate init(_ row: PostgresRow) throws(PostgresError) {
    let interruption = try row.bytesOrNil(14).flatMap { try? InterruptionReport(json: $0) }
    self.init(
      id: try row.text(0),
      registration: WorkerRegistration(
        hostname: try row.textOrNil(1), instanceID: try row.textOrNil(2), instanceType: try row.textOrNil(3),
        availabilityZone: try row.textOrNil(4), capacityType: CapacityType(rawValue: try row.text(5)) ?? .unknown,
        provider: try row.textOrNil(6), queues: try row.textArray(7), kinds: try row.textArray(8),
        slots: try row.int(9), version: try row.textOrNil(10)),
      state: WorkerState(rawValue: try row.text(11)) ?? .gone, leases: try row.int(15),
      lastHeartbeatAt: Instant(microseconds: try row.timestamp(12)),
      registeredAt: Instant(microseconds: try row.timestamp(13)), interruption: interruption)
  }
}
