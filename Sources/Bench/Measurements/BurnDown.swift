import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// How fast real workers get through a backlog.
struct BurnDown: Sendable {
  let fleet: BenchFleet
  let coordinator: BenchProgram
  let queue: String
  let jobs: Int
  let workers: Int
  let slots: Int
  /// How long each job takes, in seconds; 0 for the kind `noop`.
  let jobSeconds: Double

  struct Outcome: Sendable {
    /// From the first start of a job to the last end, by the database's record.
    var jobsPerSecond = 0.0
    var cpu = CPUTimes()
    /// Megabytes of all workers together, at the end.
    var workerMemory = 0.0
    var coordinatorMemory = 0.0
  }

  func run() async throws -> Outcome {
    try await fleet.ask(coordinator, "POST", "/queues/\(queue)/pause").expect(200, "the pause of the queue")
    try await submit()
    var programs: [BenchProgram] = []
    for number in 0..<workers {
      programs.append(try await fleet.startWorker("bench-\(number)", of: coordinator, queue: queue, slots: slots))
    }
    var clock = CPUClock(coordinator: coordinator.pid, postgres: await fleet.postgres.pid)
    clock.workers = programs.compactMap(\.pid)
    let before = clock.now()
    try await fleet.ask(coordinator, "POST", "/queues/\(queue)/resume").expect(200, "the resumption of the queue")
    // As long as the last job is not done nothing else is looked at, and seldom: a walk over all that has been done, four
    // times a second, takes from what is measured. The record tells afterwards how long it took.
    let left = """
      select case when (select status from jobs order by id desc limit 1) <> 'done' then true
        else exists (select from jobs where status = 'queued') or exists (select from attempts where outcome is null) end
      """
    try await waitUntil("the end of the backlog", within: .seconds(3600), looking: .seconds(1)) {
      try await fleet.database.value(left) == "f"
    }
    var outcome = Outcome()
    outcome.cpu = clock.now() - before
    outcome.workerMemory = programs.compactMap { $0.pid.flatMap(ProcessFile.residentMegabytes) }.reduce(0, +)
    outcome.coordinatorMemory = coordinator.pid.flatMap(ProcessFile.residentMegabytes) ?? 0
    let row = try await fleet.database.query(
      "select count(*), extract(epoch from max(ended_at) - min(started_at))::float8 from attempts where outcome = 'done'"
    )
    guard let done = row.first.flatMap({ Double($0[0]) }), let seconds = row.first.flatMap({ Double($0[1]) }) else {
      throw BenchError("no job was done")
    }
    guard Int(done) == jobs else { throw BenchError("\(Int(done)) of \(jobs) jobs were done") }
    outcome.jobsPerSecond = done / seconds
    for program in programs { try await fleet.stop(program) }
    return outcome
  }

  private func submit() async throws {
    let target = try WireTarget(address: "http://127.0.0.1:\(coordinator.port)")
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let script = BacklogScript(target: target, queue: queue, jobs: jobs, jobSeconds: jobSeconds)
    _ = try await LoadGenerator.with(1, to: target, clock: CPUClock(), on: loop) { generator in
      try await generator.run { _ in BacklogPump(script) }
    }
  }
}

/// What a backlog consists of.
private struct BacklogScript: Sendable {
  let target: WireTarget
  let job: JobSubmission
  let jobs: Int

  init(target: WireTarget, queue: String, jobs: Int, jobSeconds: Double) {
    self.target = target
    self.jobs = jobs
    var payload = JSONWriter()
    payload.object { if jobSeconds > 0 { $0.field("seconds", jobSeconds) } }
    job = JobSubmission(
      kind: jobSeconds > 0 ? "sleep" : "noop", payload: RawJSON(trusted: payload.bytes), queue: queue)
  }

  func request(_ count: Int) -> ByteBuffer {
    var body = JSONWriter()
    body.object { $0.field("jobs", [JobSubmission](repeating: job, count: count)) }
    return target.request("POST", "/jobs/batch", body: body.bytes)
  }
}

private final class BacklogPump: LoadScript {
  private let script: BacklogScript
  private var left: Int

  init(_ script: BacklogScript) {
    self.script = script
    left = script.jobs
  }

  func next() -> ByteBuffer? { left > 0 ? script.request(min(left, 5000)) : nil }

  func take(_ reply: WireReply) throws -> Int {
    try reply.expect(201, "a batch of jobs")
    let count = min(left, 5000)
    left -= count
    return count
  }
}
