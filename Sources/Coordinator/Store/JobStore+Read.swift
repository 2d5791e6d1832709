import BatonJSON
import BatonPostgres
import BatonShared

extension JobStore {
  /// Whether a lease is in force at this moment. What is written under it has to look again.
  func isInForce(_ lease: LeaseID) async throws(PostgresError) -> Bool {
    let rows = try await hot.query(
      "select true from attempts where lease_id = $1 and outcome is null", .uuid(lease.uuid))
    return !rows.isEmpty
  }

  /// One job, whole.
  func job(_ id: JobID) async throws(PostgresError) -> JobSnapshot? {
    let rows = try await database.query(
      "select \(Self.jobColumns) from jobs \(Self.jobJoins) where jobs.id = $1", .uuid(id.uuid))
    return try rows.first.map { row throws(PostgresError) in try JobSnapshot(row) }
  }

  /// A job's attempts, oldest first.
  /// - Parameters:
  ///   - limit: How many at the most; nil for all.
  ///   - number: Only those after this one.
  /// - Returns: nil when there is no such job.
  func attempts(
    of id: JobID, limit: Int? = nil, after number: Int = 0
  ) async throws(PostgresError) -> [AttemptSnapshot]? {
    let rows = try await database.query(
      """
      select attempts.attempt, lease_id, attempts.worker_id, capacity_type, outcome, reason, attempts.started_at,
        ended_at, checkpoint_sequence
      from jobs left join attempts on attempts.job_id = jobs.id and attempts.attempt > $2
      where jobs.id = $1 order by attempts.attempt limit $3
      """, .uuid(id.uuid), .int4(Int32(number)), .int4(limit.map { Int32($0) }))
    guard !rows.isEmpty else { return nil }
    var attempts: [AttemptSnapshot] = []
    for row in rows where try row.intOrNil(0) != nil {
      attempts.append(
        AttemptSnapshot(
          attempt: try row.int(0), leaseID: LeaseID(try row.uuid(1)), workerID: try row.text(2),
          capacityType: CapacityType(rawValue: try row.text(3)) ?? .unknown,
          outcome: try row.textOrNil(4).flatMap(AttemptOutcome.init), reason: try row.textOrNil(5),
          startedAt: Instant(microseconds: try row.timestamp(6)),
          endedAt: try row.timestampOrNil(7).map(Instant.init), checkpointSequence: try row.intOrNil(8)))
    }
    return attempts
  }

  static let jobColumns = """
    jobs.id, queue, kind, status, payload, priority, placement, on_interruption, tags, jobs.attempt, max_attempts,
    failures, interruptions, losses, max_losses, timeout_seconds, progress_fraction, progress_message, sequence,
    size_bytes, content_type, saved_at, result, error_code, error_message, jobs.worker_id, run_at, created_at,
    jobs.started_at, finished_at
    """

  static let jobJoins = """
    left join attempts on attempts.job_id = jobs.id and attempts.attempt = jobs.attempt
    left join checkpoints on checkpoints.job_id = jobs.id
    """
}

extension JobSnapshot {
  /// Reads a row of `JobStore.jobColumns`.
  init(_ row: PostgresRow) throws(PostgresError) {
    func word<Word: RawRepresentable<String>>(_ column: Int) throws(PostgresError) -> Word {
      let text = try row.text(column)
      guard let word = Word(rawValue: text) else { throw .decoding("unknown word '\(text)' in column \(column)") }
      return word
    }
    let fraction = try row.doubleOrNil(16)
    let message = try row.textOrNil(17)
    let checkpoint = try row.intOrNil(18).map { sequence throws(PostgresError) in
      Checkpoint(
        sequence: sequence, sizeBytes: try row.int(19), contentType: try row.text(20),
        savedAt: Instant(microseconds: try row.timestamp(21)))
    }
    let error = try row.textOrNil(23).map { code throws(PostgresError) in
      JobFailure(code: code, message: try row.textOrNil(24) ?? "")
    }
    self.init(
      id: JobID(try row.uuid(0)), queue: try row.text(1), kind: try row.text(2), status: try word(3),
      payload: RawJSON(trusted: try row.bytes(4)), priority: try row.int(5), placement: try word(6),
      onInterruption: try word(7), tags: RawJSON(trusted: try row.bytes(8)), attempt: try row.int(9),
      maxAttempts: try row.int(10), failures: try row.int(11), interruptions: try row.int(12),
      losses: try row.int(13), maxLosses: try row.int(14), timeoutSeconds: try row.doubleOrNil(15),
      progress: fraction == nil && message == nil ? nil : Progress(fraction: fraction, message: message),
      checkpoint: checkpoint, result: try row.bytesOrNil(22).map(RawJSON.init(trusted:)), error: error,
      workerID: try row.textOrNil(25), runAt: Instant(microseconds: try row.timestamp(26)),
      createdAt: Instant(microseconds: try row.timestamp(27)),
      startedAt: try row.timestampOrNil(28).map(Instant.init),
      finishedAt: try row.timestampOrNil(29).map(Instant.init))
  }
}
