import BatonJSON
import BatonShared
import Testing

/// Other languages' clients and workers rely on these texts.
@Suite struct GoldenMessageTests {
  @Test func aSubmissionWithEverything() throws {
    let submission = JobSubmission(
      kind: "exec", payload: try RawJSON(parsing: #"{"n": 1.50}"#), queue: "gpu", priority: -3,
      start: .at(Samples.noon), maxAttempts: 2, maxLosses: 3, timeoutSeconds: 1.5, placement: .onDemand,
      onInterruption: .checkpoint, tags: ["team": "a\"b", "area": "é"])
    try expectGolden(
      submission,
      #"""
      {"kind":"exec","payload":{"n": 1.50},"queue":"gpu","priority":-3,"run_at":"2026-01-31T12:00:00.123Z",
      "max_attempts":2,"max_losses":3,"timeout_seconds":1.5,"placement":"on_demand","on_interruption":"checkpoint",
      "tags":{"area":"é","team":"a\"b"}}
      """#)
    #expect(try JobSubmission(json: submission.json) == submission)
  }

  @Test func aSubmissionWithDefaults() throws {
    try expectGolden(
      JobSubmission(kind: "noop", start: .after(0.25)),
      #"""
      {"kind":"noop","payload":{},"queue":"default","priority":0,"delay_seconds":0.25,"max_attempts":5,"max_losses":5,
      "placement":"any","on_interruption":"auto","tags":{}}
      """#)
    #expect(try read(JobSubmission.self, #"{"kind":"noop"}"#) == JobSubmission(kind: "noop"))
    let nulls = #"{"kind":"noop","run_at":null,"delay_seconds":null,"timeout_seconds":null}"#
    #expect(try read(JobSubmission.self, nulls) == JobSubmission(kind: "noop"))
  }

  @Test func aBatchAndItsReceipt() throws {
    try expectGolden(
      BatchSubmission(jobs: [JobSubmission(kind: "a")]),
      #"""
      {"jobs":[{"kind":"a","payload":{},"queue":"default","priority":0,"max_attempts":5,"max_losses":5,
      "placement":"any","on_interruption":"auto","tags":{}}]}
      """#)
    try expectGolden(BatchReceipt(ids: [Samples.jobID]), #"{"ids":["0197a2b4-c6d8-7eef-8123-456789abcdef"]}"#)
  }

  @Test func aJobWithEverything() throws {
    try expectGolden(
      JobSnapshot(
        id: Samples.jobID, queue: "gpu", kind: "exec", status: .failed, payload: try RawJSON(parsing: "[1]"),
        priority: 7, placement: .spot, onInterruption: .finish, tags: try RawJSON(parsing: #"{"a":"b"}"#), attempt: 4,
        maxAttempts: 5, failures: 1, interruptions: 2, losses: 3, maxLosses: 6, timeoutSeconds: 60,
        progress: .init(fraction: 0.42, message: "epoch 3"),
        checkpoint: .init(sequence: 9, sizeBytes: 1024, contentType: "text/plain", savedAt: Samples.noon),
        result: try RawJSON(parsing: "1e400"), error: JobFailure(code: "exit_status", message: "1"), workerID: "w-1",
        runAt: Samples.noon, createdAt: Samples.noon, startedAt: Samples.noon, finishedAt: Samples.later),
      #"""
      {"id":"0197a2b4-c6d8-7eef-8123-456789abcdef","queue":"gpu","kind":"exec","status":"failed","payload":[1],
      "priority":7,"placement":"spot","on_interruption":"finish","tags":{"a":"b"},"attempt":4,"max_attempts":5,
      "failures":1,"interruptions":2,"losses":3,"max_losses":6,"timeout_seconds":60,
      "progress":{"fraction":0.42,"message":"epoch 3"},
      "checkpoint":{"sequence":9,"size_bytes":1024,"content_type":"text/plain","saved_at":"2026-01-31T12:00:00.123Z"},
      "result":1e400,"error":{"code":"exit_status","message":"1"},"worker_id":"w-1",
      "run_at":"2026-01-31T12:00:00.123Z","created_at":"2026-01-31T12:00:00.123Z",
      "started_at":"2026-01-31T12:00:00.123Z","finished_at":"2026-01-31T12:00:01.000Z"}
      """#)
  }

  @Test func aFreshJobHasNullsForWhatIsAbsent() throws {
    let job = JobSnapshot(
      id: Samples.jobID, queue: "default", kind: "noop", status: .queued, payload: .emptyObject, priority: 0,
      placement: .any, onInterruption: .auto, tags: .emptyObject, attempt: 0, maxAttempts: 5, failures: 0,
      interruptions: 0, losses: 0, maxLosses: 5, timeoutSeconds: nil, progress: nil, checkpoint: nil, result: nil,
      error: nil, workerID: nil, runAt: Samples.noon, createdAt: Samples.noon, startedAt: nil, finishedAt: nil)
    let golden = #"""
      {"id":"0197a2b4-c6d8-7eef-8123-456789abcdef","queue":"default","kind":"noop","status":"queued","payload":{},
      "priority":0,"placement":"any","on_interruption":"auto","tags":{},"attempt":0,"max_attempts":5,"failures":0,
      "interruptions":0,"losses":0,"max_losses":5,"timeout_seconds":null,"progress":null,"checkpoint":null,
      "result":null,"error":null,"worker_id":null,"run_at":"2026-01-31T12:00:00.123Z",
      "created_at":"2026-01-31T12:00:00.123Z","started_at":null,"finished_at":null}
      """#
    try expectGolden(job, golden)
    let joined = golden.split(separator: "\n").joined()
    try expectGolden(JobPage(jobs: [job], nextCursor: "c"), #"{"jobs":[\#(joined)],"next_cursor":"c"}"#)
    try expectGolden(JobPage(jobs: [], nextCursor: nil), #"{"jobs":[],"next_cursor":null}"#)
  }

  @Test func attempts() throws {
    let open = AttemptSnapshot(
      attempt: 2, leaseID: Samples.leaseID, workerID: "w-2", capacityType: .onDemand, outcome: nil, reason: nil,
      startedAt: Samples.noon, endedAt: nil, checkpointSequence: nil)
    var ended = open
    ended.outcome = .timedOut
    ended.reason = "too slow"
    ended.endedAt = Samples.later
    ended.checkpointSequence = 3
    try expectGolden(
      AttemptList(attempts: [open, ended]),
      #"""
      {"attempts":[{"attempt":2,"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","worker_id":"w-2",
      "capacity_type":"on_demand","outcome":null,"reason":null,"started_at":"2026-01-31T12:00:00.123Z",
      "ended_at":null,"checkpoint_sequence":null},
      {"attempt":2,"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","worker_id":"w-2",
      "capacity_type":"on_demand","outcome":"timed_out","reason":"too slow","started_at":"2026-01-31T12:00:00.123Z",
      "ended_at":"2026-01-31T12:00:01.000Z","checkpoint_sequence":3}],"next_cursor":null}
      """#)
  }

  @Test func registration() throws {
    try expectGolden(
      WorkerRegistration(
        hostname: "h", instanceID: "i-1", instanceType: "m5.large", availabilityZone: "eu-west-1a",
        capacityType: .spot, provider: "aws", queues: ["default", "gpu"], kinds: ["exec"], slots: 4, version: "0.1.0"),
      #"""
      {"hostname":"h","instance_id":"i-1","instance_type":"m5.large","availability_zone":"eu-west-1a",
      "capacity_type":"spot","provider":"aws","queues":["default","gpu"],"kinds":["exec"],"slots":4,"version":"0.1.0"}
      """#)
    try expectGolden(
      RegistrationReceipt(leaseTTLSeconds: 30, heartbeatSeconds: 7.5),
      #"{"lease_ttl_seconds":30,"heartbeat_seconds":7.5}"#)
  }

  @Test func leaseRequest() throws {
    try expectGolden(
      LeaseRequest(workerID: "w-1", max: 3, queues: ["a", "b"], kinds: ["k"], waitSeconds: 12.5),
      #"{"worker_id":"w-1","max":3,"queues":["a","b"],"kinds":["k"],"wait_seconds":12.5}"#)
    try expectGolden(
      LeaseRequest(workerID: "w-1", max: 1, queues: ["a"]),
      #"{"worker_id":"w-1","max":1,"queues":["a"],"wait_seconds":0}"#)
  }

  @Test func leaseGrants() throws {
    let grant = LeaseGrant(
      leaseID: Samples.leaseID, jobID: Samples.jobID, queue: "q", kind: "k", payload: .null, attempt: 2,
      interruptions: 1, leaseTTLSeconds: 30, timeoutSeconds: 2.5, onInterruption: .release,
      checkpoint: .init(sequence: 4, sizeBytes: 10, contentType: "a/b"))
    var fresh = grant
    fresh.timeoutSeconds = nil
    fresh.checkpoint = nil
    let head = #"""
      {"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","job_id":"0197a2b4-c6d8-7eef-8123-456789abcdef","queue":"q",
      "kind":"k","payload":null,"attempt":2,"interruptions":1,"lease_ttl_seconds":30,
      """#
    try expectGolden(
      LeaseGrants(leases: [grant, fresh]),
      #"{"leases":["# + head
        + #""timeout_seconds":2.5,"on_interruption":"release","checkpoint":{"sequence":4,"size_bytes":10,"content_type":"a/b"}},"#
        + head + #""timeout_seconds":null,"on_interruption":"release","checkpoint":null}]}"#)
  }

  @Test func heartbeatAndReply() throws {
    try expectGolden(
      Heartbeat(
        state: .draining, interruption: InterruptionReport(source: "ec2_spot", action: "terminate", secondsLeft: 117.5),
        leases: [
          .init(leaseID: Samples.leaseID, progress: .init(fraction: 0.5, message: "half")),
          .init(leaseID: Samples.leaseID),
        ]),
      #"""
      {"state":"draining","interruption":{"source":"ec2_spot","action":"terminate","seconds_left":117.5},
      "leases":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","progress":{"fraction":0.5,"message":"half"}},
      {"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e"}]}
      """#)
    try expectGolden(
      Heartbeat(state: .active, leases: []), #"{"state":"active","leases":[]}"#)
    try expectGolden(
      HeartbeatReply(drain: true, leases: [.init(leaseID: Samples.leaseID, status: .cancel)]),
      #"{"drain":true,"leases":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","status":"cancel"}]}"#)
  }

  @Test func settleAndReply() throws {
    try expectGolden(
      SettleRequest(results: [
        Settlement(leaseID: Samples.leaseID, outcome: .done, result: try RawJSON(parsing: #"{"a":0.10}"#)),
        Settlement(
          leaseID: Samples.leaseID, outcome: .timedOut, error: JobFailure(code: "c", message: "m"), retryable: false,
          reason: "r", delaySeconds: 3, begun: false),
      ]),
      #"""
      {"results":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","outcome":"done","result":{"a":0.10}},
      {"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","outcome":"timed_out","error":{"code":"c","message":"m"},
      "retryable":false,"reason":"r","delay_seconds":3,"begun":false}]}
      """#)
    try expectGolden(
      SettleReply(results: [.init(leaseID: Samples.leaseID, status: .accepted)]),
      #"{"results":[{"lease_id":"9b2f1c3d-4e5a-4b6c-8d7e-0f1a2b3c4d5e","status":"accepted"}]}"#)
    try expectGolden(CheckpointReceipt(sequence: 12), #"{"sequence":12}"#)
  }

  @Test func workers() throws {
    let worker = WorkerSnapshot(
      id: "w-1", registration: WorkerRegistration(hostname: "h", capacityType: .spot, slots: 2), state: .draining,
      leases: 1, lastHeartbeatAt: Samples.later, registeredAt: Samples.noon,
      interruption: InterruptionReport(source: "sigterm", action: "drain", secondsLeft: nil))
    try expectGolden(
      WorkerList(workers: [worker]),
      #"""
      {"workers":[{"id":"w-1","hostname":"h","instance_id":null,"instance_type":null,"availability_zone":null,
      "capacity_type":"spot","provider":null,"queues":["default"],"kinds":[],"version":null,"state":"draining",
      "slots":2,"leases":1,"last_heartbeat_at":"2026-01-31T12:00:01.000Z","registered_at":"2026-01-31T12:00:00.123Z",
      "interruption":{"source":"sigterm","action":"drain","seconds_left":null}}],"next_cursor":null}
      """#)
  }

  @Test func queuesAndStatistics() throws {
    var counts = StatusCounts()
    counts[.queued] = 3
    counts[.done] = 2
    try expectGolden(
      QueueList(queues: [QueueSnapshot(name: "gpu", paused: true, counts: counts, oldestQueuedSeconds: 1.25)]),
      #"""
      {"queues":[{"name":"gpu","paused":true,
      "jobs":{"queued":3,"processing":0,"done":2,"failed":0,"cancelled":0},"oldest_queued_seconds":1.25}],"next_cursor":null}
      """#)
    try expectGolden(
      Statistics(jobs: counts, workers: [.active: 1, .gone: 4]),
      #"""
      {"jobs":{"queued":3,"processing":0,"done":2,"failed":0,"cancelled":0},
      "workers":{"active":1,"draining":0,"gone":4}}
      """#)
  }

  @Test func everyProblemHasItsStatusAndCode() throws {
    let statuses: [Problem.Code: Int] = [
      .invalidRequest: 400, .unauthorized: 401, .forbidden: 403, .notFound: 404, .methodNotAllowed: 405,
      .conflict: 409, .leaseLost: 409, .workerDraining: 409, .payloadTooLarge: 413,
      .internalError: 500, .draining: 503, .databaseUnavailable: 503,
    ]
    #expect(Set(statuses.keys) == Set(Problem.Code.allCases))
    for (code, status) in statuses { #expect(Problem(code, "x").status == status) }
    #expect(
      [
        "invalid_request", "unauthorized", "forbidden", "not_found", "conflict", "lease_lost", "worker_draining",
        "payload_too_large", "draining", "database_unavailable",
      ].allSatisfy { Problem.Code(rawValue: $0) != nil })
    try expectGolden(
      Problem(.leaseLost, "gone"), #"{"status":409,"title":"Lease lost","detail":"gone","code":"lease_lost"}"#)
  }

  @Test func theWordsOfTheContract() {
    #expect(JobStatus.allCases.map(\.rawValue) == ["queued", "processing", "done", "failed", "cancelled"])
    #expect(
      Set(AttemptOutcome.allCases.map(\.rawValue))
        == ["done", "failed", "released", "interrupted", "lost", "cancelled", "timed_out"])
    #expect(
      Set(SettleOutcome.allCases.map(\.rawValue))
        == ["done", "failed", "released", "interrupted", "cancelled", "timed_out"])
    #expect(Placement.allCases.map(\.rawValue) == ["any", "spot", "on_demand"])
    #expect(CapacityType.allCases.map(\.rawValue) == ["spot", "on_demand", "unknown"])
    #expect(InterruptionBehaviour.allCases.map(\.rawValue) == ["auto", "finish", "checkpoint", "release"])
    #expect(WorkerState.allCases.map(\.rawValue) == ["active", "draining", "gone"])
    #expect(LeaseStatus.allCases.map(\.rawValue) == ["held", "cancel", "lost"])
    #expect(SettleStatus.allCases.map(\.rawValue) == ["accepted", "lost"])
    #expect(CapacityType.spot.placements == [.any, .spot])
    #expect(CapacityType.onDemand.placements == [.any, .onDemand])
    #expect(CapacityType.unknown.placements == [.any])
    #expect(JobStatus.allCases.filter(\.isFinished) == [.done, .failed, .cancelled])
  }
}
