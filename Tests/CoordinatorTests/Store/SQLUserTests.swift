import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// What people with `psql` see and may do.
@Suite(.serialized) struct SQLUserTests {
  @Test func aJobEnqueuedFromSQLIsLikeAnyOther() async throws {
    try await StoreFixture.run { fixture async throws in
      let rows = try await fixture.pool.query(
        """
        select baton_enqueue(kind => 'exec', payload => '{"n": 1.50}', queue => 'gpu', priority => 5, max_attempts => 2,
          max_losses => 3, timeout_seconds => 1.5, placement => 'spot', on_interruption => 'finish', tags => '{"a":"b"}')
        """)
      let id = JobID(try rows[0].uuid(0))
      #expect(Array(id.description)[14] == "7")
      let job = try await fixture.job(id)
      #expect(job.kind == "exec" && job.payload.description == #"{"n": 1.50}"# && job.queue == "gpu")
      #expect(job.priority == 5 && job.maxAttempts == 2 && job.maxLosses == 3 && job.timeoutSeconds == 1.5)
      #expect(job.placement == .spot && job.onInterruption == .finish && job.tags.description.contains("\"b\""))
      let leases = try await fixture.lease(queues: ["gpu"], capacity: .spot)
      #expect(leases.map(\.grant.jobID) == [id])

      let plain = JobID(try await fixture.pool.query("select baton_enqueue('noop')")[0].uuid(0))
      let shown = try await fixture.job(plain)
      #expect(shown.queue == "default" && shown.payload.description == "{}" && shown.tags.description == "{}")
      #expect(shown.priority == 0 && shown.maxAttempts == 5 && shown.maxLosses == 5 && shown.timeoutSeconds == nil)
      #expect(try await fixture.lease().map(\.grant.jobID) == [plain])
      #expect(try await fixture.brokenRules() == [])
    }
  }

  @Test func itBelongsToTheCallersTransaction() async throws {
    try await StoreFixture.run { fixture async throws in
      await #expect(throws: Unexpected.self) {
        try await fixture.pool.transaction { transaction in
          try await transaction.query("select baton_enqueue('noop', idempotency_key => 'k')")
          throw Unexpected("rolled back")
        }
      }
      #expect(try await fixture.count("select from jobs") == 0)
      #expect(try await fixture.count("select from idempotency_keys") == 0)
      try await fixture.pool.transaction { transaction in
        try await transaction.query("select baton_enqueue('noop', idempotency_key => 'k')")
        #expect(try await fixture.count("select from jobs") == 0, "nobody sees it before the commit")
      }
      #expect(try await fixture.lease().count == 1)
    }
  }

  @Test func aDelayedJobFromSQLWaitsForItsTime() async throws {
    try await StoreFixture.run { fixture async throws in
      try await fixture.pool.query("select baton_enqueue('noop', run_at => now() + interval '1 hour')")
      try await fixture.pool.query("select baton_enqueue('noop', run_at => now() - interval '1 hour')")
      #expect(try await fixture.lease(10).count == 1)
      #expect(try await fixture.count("select from jobs where scheduled") == 1)
    }
  }

  @Test func aKeyIsKnownFromSQLToo() async throws {
    try await StoreFixture.run { fixture async throws in
      func enqueue(_ arguments: String) async throws(PostgresError) -> JobID {
        JobID(try await fixture.pool.query("select baton_enqueue(\(arguments), idempotency_key => 'k')")[0].uuid(0))
      }
      let first = try await enqueue("'noop'")
      #expect(try await enqueue("'noop'") == first)
      let error = await #expect(throws: PostgresError.self) { try await enqueue("'noop', priority => 1") }
      #expect(error?.sqlState == "23505" && error?.description.contains("another submission") == true)
      #expect(try await fixture.count("select from jobs") == 1)
    }
  }

  @Test func whatCannotBeAJobIsRefusedByNameOfItsArgument() async throws {
    try await StoreFixture.run { fixture async throws in
      for (arguments, word) in [
        ("null", "kind"), ("''", "kind"), ("'a b'", "kind"), ("'-a'", "kind"), ("repeat('x', 129)", "kind"),
        ("'a', queue => ''", "queue"), ("'a', queue => null", "queue"), ("'a', queue => 'a,b'", "queue"),
        ("'a', priority => 101", "priority"), ("'a', priority => -101", "priority"),
        ("'a', priority => null", "priority"),
        ("'a', max_attempts => 0", "jobs_budgets_positive"), ("'a', max_losses => 0", "jobs_budgets_positive"),
        ("'a', timeout_seconds => 0", "jobs_timeout_positive"), ("'a', placement => 'moon'", "jobs_placement_known"),
        ("'a', on_interruption => 'panic'", "jobs_on_interruption_known"), ("'a', payload => '{'", "json"),
        ("'a', payload => '\"\\u0000\"'", "Unicode"), ("'a', tags => '[]'", "jobs_tags_are_an_object"),
      ] {
        let error = await #expect(throws: PostgresError.self, "\(arguments)") {
          try await fixture.pool.query("select baton_enqueue(\(arguments))")
        }
        #expect(error.map { "\($0)".contains(word) } == true, "\(arguments): \(error.map { "\($0)" } ?? "")")
      }
      #expect(try await fixture.count("select from jobs") == 0)
    }
  }

  @Test func everyConstraintRefusesItsViolation() async throws {
    let violations: [(constraint: String, sql: String)] = [
      ("jobs_status_known", "update jobs set status = 'lost'"),
      ("jobs_scheduled_is_queued", "update jobs set scheduled = true, status = 'done', finished_at = now()"),
      ("jobs_processing_has_worker", "update jobs set status = 'processing'"),
      ("jobs_processing_has_worker", "update jobs set status = 'processing', worker_id = 'w'"),
      ("jobs_finished_has_time", "update jobs set status = 'done'"),
      ("jobs_finished_has_time", "update jobs set finished_at = now()"),
      ("jobs_failed_has_error", "update jobs set status = 'failed', finished_at = now()"),
      ("jobs_result_is_done", "update jobs set result = '1'"),
      ("jobs_cancel_is_not_queued", "update jobs set cancel_requested_at = now()"),
      ("jobs_priority_range", "update jobs set priority = 101"),
      ("jobs_placement_known", "update jobs set placement = 'moon'"),
      ("jobs_on_interruption_known", "update jobs set on_interruption = 'panic'"),
      ("jobs_budgets_positive", "update jobs set max_attempts = 0"),
      ("jobs_budgets_positive", "update jobs set max_losses = 0"),
      ("jobs_counts_not_negative", "update jobs set attempt = -1"),
      ("jobs_counts_not_negative", "update jobs set failures = -1"),
      ("jobs_counts_not_negative", "update jobs set interruptions = -1"),
      ("jobs_counts_not_negative", "update jobs set losses = -1"),
      ("jobs_timeout_positive", "update jobs set timeout_seconds = 0"),
      ("jobs_timeout_positive", "update jobs set timeout_seconds = 'infinity'"),
      ("jobs_timeout_positive", "update jobs set timeout_seconds = 'nan'"),
      ("jobs_tags_are_an_object", "update jobs set tags = '[1]'"),
      ("jobs_queue_plain", "update jobs set queue = ''"),
      ("jobs_run_at_range", "update jobs set run_at = '-infinity'"),
      ("jobs_kind_plain", "update jobs set kind = repeat('x', 129)"),
      ("attempts_outcome_known", "update attempts set outcome = 'gone', ended_at = now()"),
      ("attempts_ended_has_outcome", "update attempts set outcome = 'done'"),
      ("attempts_ended_has_outcome", "update attempts set ended_at = now()"),
      ("checkpoints_sequence_positive", "update checkpoints set sequence = 0"),
      ("checkpoints_size_true", "update checkpoints set size_bytes = 99"),
      ("workers_state_known", "update workers set state = 'asleep'"),
      ("workers_capacity_known", "update workers set capacity_type = 'cheap'"),
    ]
    try await StoreFixture.run { fixture async throws in
      try await fixture.enqueue()
      let lease = try await fixture.leaseOne()
      _ = try await fixture.store.saveCheckpoint([1], contentType: "a/b", lease: lease.leaseID)
      _ = try await fixture.store.recognise(["w"], silentAfterSeconds: 30)
      try await fixture.pool.query("delete from jobs")
      try await fixture.enqueue()
      try await fixture.pool.query(
        "insert into attempts (lease_id, job_id, attempt, worker_id, expires_at) values ($1, $2, 1, 'w', now())",
        .uuid(LeaseID().uuid), .uuid(JobIDGenerator().next().uuid))
      try await fixture.pool.query(
        """
        insert into checkpoints (job_id, sequence, content_type, size_bytes, data)
        values (gen_random_uuid(), 1, 'a/b', 1, '\\x01')
        """)
      for (constraint, sql) in violations {
        let error = await #expect(throws: PostgresError.self, "\(sql)") { try await fixture.pool.query(sql) }
        #expect(error?.constraint == constraint, "\(sql): \(error.map { "\($0)" } ?? "")")
      }
      // None is forgotten.
      let known = try await fixture.pool.query(
        "select conname::text from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace"
      ).map { try $0.text(0) }
      #expect(Set(known).subtracting(violations.map(\.constraint)).filter { $0.contains("_") } == [])
    }
  }

  @Test func everyTableAndViewIsExplainedAndCanBeRead() async throws {
    try await StoreFixture.run { fixture async throws in
      // Something to show in every column.
      let id = try await fixture.enqueue()
      _ = try await fixture.store.register("w-1", WorkerRegistration(), silentAfterSeconds: 30)
      let lease = try await fixture.leaseOne()
      _ = try await fixture.store.saveCheckpoint([1], contentType: "a/b", lease: lease.leaseID)
      _ = try await fixture.store.renew(
        [.init(leaseID: lease.leaseID, progress: .init(fraction: 0.123, message: "m"))], ttlSeconds: 30)
      _ = try await fixture.store.cancel(id)
      try await fixture.enqueue { $0.start = .after(100) }
      try await fixture.store.setPaused(true, queue: "default")

      let relations = try await fixture.pool.query(
        """
        select relname::text, obj_description(oid, 'pg_class') from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') and relname <> 'schema_migrations' order by 1
        """)
      #expect(
        try relations.map { try $0.text(0) } == [
          "attempts", "checkpoints", "fleet_overview", "idempotency_keys", "job_logs", "job_overview", "jobs",
          "queue_overview", "queues", "workers",
        ])
      for relation in relations {
        let name = try relation.text(0)
        #expect(try relation.textOrNil(1)?.isEmpty == false, "\(name) has no comment")
      }
      let jobs = try await fixture.pool.query(
        """
        select status, progress_percent::float8, checkpoint, lease_seconds_left::float8, worker_id from job_overview
        order by id
        """)
      #expect(try jobs[0].text(0) == "processing (cancelling)" && jobs[0].double(1) == 12.3 && jobs[0].int(2) == 1)
      #expect(try jobs[0].double(3) > 0 && jobs[0].text(4) == "w-1")
      #expect(try jobs[1].text(0).hasPrefix("queued (due "))
      let fleet = try await fixture.pool.query("select id, state, leases from fleet_overview")
      #expect(try fleet.map { try "\($0.text(0)) \($0.text(1)) \($0.int(2))" } == ["w-1 active 1"])
      let queues = try await fixture.pool.query(
        "select queue, paused, ready, scheduled, processing, done, failed, cancelled from queue_overview")
      #expect(try queues[0].bool(1) && queues[0].int(2) == 0 && queues[0].int(3) == 1 && queues[0].int(4) == 1)
      #expect(
        try await fixture.count(
          "select from pg_proc where proname = 'baton_enqueue' and obj_description(oid, 'pg_proc') is not null") == 1)
    }
  }

  @Test func everyColumnIsExplained() async throws {
    try await StoreFixture.run { fixture async throws in
      let columns = try await fixture.pool.query(
        """
        select relname || '.' || attname, col_description(pg_class.oid, attnum)
        from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
        """)
      #expect(columns.count > 100)
      let bare = try columns.filter { try $0.textOrNil(1)?.isEmpty ?? true }.map { try $0.text(0) }
      #expect(bare == [])
    }
  }

  @Test func whoeverDeletesJobsByHandLeavesNothingBehind() async throws {
    try await StoreFixture.run { fixture async throws in
      _ = try await fixture.store.enqueue([fixture.newJob(key: "k")])
      let lease = try await fixture.leaseOne()
      _ = try await fixture.store.saveCheckpoint([1], contentType: "a/b", lease: lease.leaseID)
      _ = try await fixture.store.appendLog("x", lease: lease.leaseID, keepingBytes: 10)
      try await fixture.pool.query("delete from jobs")
      for table in ["attempts", "checkpoints", "job_logs", "idempotency_keys"] {
        #expect(try await fixture.count("select from \(table)") == 0, "\(table)")
      }
      // Its worker learns of it.
      #expect(try await fixture.store.renew([.init(leaseID: lease.leaseID)], ttlSeconds: 30) == [.lost])
      #expect(try await fixture.settle(lease.leaseID, .done) == .lost)
    }
  }

  @Test func migratingAgainAndAtTheSameTimeIsFine() async throws {
    let database = try await TestDatabase.make()
    let pool = database.pool(size: 4)
    let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<4 { group.addTask { try await PostgresMigrator(migrations: .baton).run(on: pool) } }
      return try await group.reduce(into: [Int]()) { $0 += $1 }
    }
    #expect(applied.sorted() == [PostgresMigration].baton.map(\.version))
    #expect(try await PostgresMigrator(migrations: .baton).run(on: pool) == [])
    await pool.close()
  }
}
