import Subprocess

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the database itself is good for: `pgbench` doing the same work in SQL, on the same server, with no HTTP, no
/// fence, no record of attempts and nobody to be told. What Baton reaches is held against that.
struct PgBench: Sendable {
  enum Work: String, Sendable, CaseIterable {
    case submit
    /// Lease and settle.
    case work
    /// Submit, lease and settle.
    case cycle
  }

  private static let clients = 8

  let database: BenchDatabase

  /// - Throws: `BenchError` where there is no `pgbench`.
  func prepare() async throws {
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw BenchError("there is no pgbench in \(database.binaries.directory)")
    }
    try await database.query(Self.schema)
  }

  /// Forgets all jobs of the table, and writes out what is dirty.
  func clear() async throws { try await database.query("truncate yardstick_jobs; checkpoint") }

  /// Does the work with so many jobs, in transactions of `batch` each.
  /// - Returns: jobs a second.
  func run(_ work: Work, jobs: Int, batch: Int) async throws -> Double {
    let transactions = max(1, jobs / batch / Self.clients)
    try await database.query("truncate yardstick_jobs")
    if work == .work {
      // More than are taken, so that the last ones need not look for what others have just let go.
      let count = (transactions + 1) * batch * Self.clients
      try await database.query("\(Self.insert(count)); analyze yardstick_jobs")
    }
    let file = "/tmp/baton-bench-" + String(UInt64.random(in: .min ... .max), radix: 36) + ".sql"
    try Data(Self.script(work, batch: batch).utf8).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let result = try await Subprocess.run(
      .path(.init(program)),
      arguments: [
        "-n", "-M", "prepared", "-c", "\(Self.clients)", "-j", "2", "-t", "\(transactions)", "-f", file, database.url,
      ],
      environment: .custom(["PATH": "/usr/bin:/bin", "LC_ALL": "C"]), output: .string(limit: 65_536),
      error: .string(limit: 65_536))
    guard result.terminationStatus.isSuccess, let rate = Self.transactionRate(in: result.standardOutput) else {
      throw BenchError("pgbench: \(result.standardError)")
    }
    return rate * Double(batch)
  }

  private var program: String { database.binaries.directory + "/pgbench" }

  static func transactionRate(in output: String) -> Double? {
    let line = output.split(separator: "\n").first { $0.hasPrefix("tps = ") && $0.contains("without initial") }
    return line?.dropFirst(6).split(separator: " ").first.flatMap { Double($0) }
  }

  /// One job table as most queues in SQL have it, and the index that leasing needs.
  private static let schema = """
    drop table if exists yardstick_jobs;
    create table yardstick_jobs (
      id bigint generated always as identity primary key, queue text not null, kind text not null,
      status text not null default 'queued', priority smallint not null default 0, attempt integer not null default 0,
      run_at timestamptz not null default now(), created_at timestamptz not null default now(),
      leased_until timestamptz, finished_at timestamptz, worker_id text, payload json not null);
    create index on yardstick_jobs (queue, priority desc, run_at, id) where status = 'queued';
    """

  private static func insert(_ count: Int) -> String {
    let values = "'default', 'noop', '{\"n\":1}'"
    return count == 1
      ? "insert into yardstick_jobs (queue, kind, payload) values (\(values))"
      : "insert into yardstick_jobs (queue, kind, payload) select \(values) from generate_series(1, \(count))"
  }

  private static func script(_ work: Work, batch: Int) -> String {
    let lease = """
      with next as (
        select id from yardstick_jobs where queue = 'default' and status = 'queued'
        order by priority desc, run_at, id limit \(batch) for update skip locked
      ), leased as (
        update yardstick_jobs j set status = 'processing', attempt = attempt + 1, worker_id = 'worker',
          leased_until = now() + interval '30 seconds'
        from next where j.id = next.id returning j.id, j.payload
      ) select coalesce(array_agg(id), '{}')::text as ids, count(payload) as leased from leased \\gset

      """
    let settle = """
      update yardstick_jobs set status = 'done', finished_at = now()
      where id = any (:ids::bigint[]) and status = 'processing';

      """
    return switch work {
    case .submit: insert(batch) + ";\n"
    case .work: lease + settle
    case .cycle: insert(batch) + ";\n" + lease + settle
    }
  }
}
