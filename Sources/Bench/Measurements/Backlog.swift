/// Jobs put into a database by SQL, as they would be there after a long time: more than could be submitted.
struct Backlog: Sendable {
  struct Size: Sendable, Hashable {
    /// Jobs that wait, in one queue and of one priority.
    var queued: Int
    /// Jobs that are done, each with its attempt.
    var finished: Int

    /// Jobs that wait besides, in several queues and of several priorities.
    var spread: Int { max(1000, queued / 4) }
  }

  static let priorities = 5

  let database: BenchDatabase
  /// The queue of those that are all alike.
  let queue: String
  /// Told of what takes long.
  let progress: @Sendable (String) -> Void

  /// The queues over which the others are spread.
  var spreadQueues: [String] { (0..<8).map { "\(queue)-\($0)" } }

  /// Empties the database and fills it. For few jobs.
  func reset(to size: Size) async throws {
    try await database.query("truncate jobs, attempts, checkpoints, job_logs, idempotency_keys")
    try await insert(from: Size(queued: 0, finished: 0), spread: 0, to: size)
    try await database.query("vacuum analyze jobs, attempts")
  }

  /// Adds what is missing. For many jobs: indexes are made anew afterwards, so nobody else may use the database.
  /// - Parameter from: What is in it; nil for nothing.
  func grow(from: Size?, to size: Size) async throws {
    let indexes = try await database.query(Self.indexes)
    for index in indexes { try await database.query(index[0]) }
    try await insert(from: from ?? Size(queued: 0, finished: 0), spread: from?.spread ?? 0, to: size)
    for index in indexes {
      progress(index[1])
      try await database.query("set maintenance_work_mem = '1GB'; \(index[1])")
    }
    // What autovacuum would have done long ago.
    progress("vacuum analyze")
    try await database.query("vacuum analyze jobs, attempts; checkpoint")
  }

  /// What undoes and what makes each index, primary keys included.
  private static let indexes = """
    select format('alter table %s drop constraint %I', conrelid::regclass, conname),
      format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint where contype in ('p', 'u') and conrelid in ('jobs'::regclass, 'attempts'::regclass)
    union all
    select format('drop index %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    from pg_index where indrelid in ('jobs'::regclass, 'attempts'::regclass)
      and not exists (select from pg_constraint where conindid = indexrelid)
    """

  /// Waiting and finished jobs at the same time: there is more than one core.
  private func insert(from: Size, spread: Int, to size: Size) async throws {
    async let finished: Void = inPieces(from.finished + 1, size.finished, "finished") { first, last in
      try await database.query("set synchronous_commit = off; \(Self.finishedSQL(first, last))")
    }
    try await inPieces(from.queued + 1, size.queued, "queued") { first, last in
      let sql = Self.queuedSQL(first, last, of: size.queued, queue: "'\(queue)'", priority: "0", epoch: 1_700)
      try await database.query("set synchronous_commit = off; \(sql)")
    }
    try await inPieces(spread + 1, size.spread, "queued in \(spreadQueues.count) queues") { first, last in
      let sql = Self.queuedSQL(
        first, last, of: size.spread, queue: "'\(queue)-' || i % \(spreadQueues.count)",
        priority: "i / \(spreadQueues.count) % \(Self.priorities)", epoch: 1_750)
      try await database.query("set synchronous_commit = off; \(sql)")
    }
    try await finished
  }

  private func inPieces(
    _ first: Int, _ last: Int, _ what: String, _ insert: (Int, Int) async throws -> Void
  ) async throws {
    let piece = 1_000_000
    for start in stride(from: first, through: last, by: piece) {
      let end = min(last, start + piece - 1)
      try await insert(start, end)
      if last > piece { progress("\(end) of \(last) \(what)") }
    }
  }

  /// An id as a job made at some millisecond would have; every `i` has one of its own.
  /// - Parameter epoch: In thousands of millions of milliseconds since 1970.
  private static func id(epoch: Int) -> String {
    """
    (lpad(to_hex(\(epoch)000000000 + i), 12, '0') || '7' || substr(md5(i::text), 1, 3)
      || '8' || substr(md5(i::text), 4, 15))::uuid
    """
  }

  private static let payload = "json_build_object('n', i, 'input', 's3://bucket/input/part-' || i || '.parquet')"

  private static func queuedSQL(
    _ first: Int, _ last: Int, of count: Int, queue: String, priority: String, epoch: Int
  ) -> String {
    """
    insert into jobs (id, queue, kind, priority, run_at, created_at, payload)
    select \(id(epoch: epoch)), \(queue), 'noop', \(priority), due, due, \(payload)
    from generate_series(\(first), \(last)) i,
      lateral (select now() - (\(count) - i) * interval '100 us' as due) as time
    """
  }

  private static func finishedSQL(_ first: Int, _ last: Int) -> String {
    let time = "lateral (select now() - interval '1 hour' - i * interval '10 us' as due) as time"
    return """
      insert into jobs (id, queue, kind, status, attempt, run_at, created_at, started_at, finished_at, worker_id,
        payload, result)
      select \(id(epoch: 1_600)), 'bench-finished', 'noop', 'done', 1, due, due, due + interval '2 ms',
        due + interval '1 s', 'worker-' || i % 100, \(payload), '{"ok":true}'
      from generate_series(\(first), \(last)) i, \(time);
      insert into attempts (lease_id, job_id, attempt, worker_id, capacity_type, outcome, started_at, ended_at, expires_at)
      select md5('lease' || i)::uuid, \(id(epoch: 1_600)), 1, 'worker-' || i % 100, 'spot', 'done',
        due + interval '2 ms', due + interval '1 s', due + interval '30 s'
      from generate_series(\(first), \(last)) i, \(time)
      """
  }
}
