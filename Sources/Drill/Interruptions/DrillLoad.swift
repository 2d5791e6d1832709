import BatonClient
import BatonShared
import Synchronization

/// Keeps the fleet busy: submits the plan's jobs, one after the other, as room is made.
final class DrillLoad: Sendable {
  let plan: JobPlan
  /// How many jobs are to be queued or running.
  let outstanding: Int
  let fleet: DrillFleet
  let recorder: HistoryRecorder
  private let submitted = Mutex<[(job: DrillJob, id: JobID)]>([])

  init(plan: JobPlan, outstanding: Int, fleet: DrillFleet, recorder: HistoryRecorder) {
    self.plan = plan
    self.outstanding = outstanding
    self.fleet = fleet
    self.recorder = recorder
  }

  var accepted: [(job: DrillJob, id: JobID)] { submitted.withLock { $0 } }

  /// The file that a job's program writes its steps into.
  func record(of job: Int) -> String { "\(fleet.folder)/records/\(job).txt" }

  /// Submits jobs until the time is over.
  func submit(to client: BatonClient, until end: ContinuousClock.Instant) async throws {
    var index = 0
    while ContinuousClock.now < end {
      let open = try await open(client)
      for _ in 0..<max(0, outstanding - open) {
        let job = plan.job(index)
        let submission = job.submission(program: fleet.programs.step, record: record(of: index))
        let id = try await client.send(.submit(submission, idempotencyKey: "drill-\(index)")).id
        recorder.record(.accepted(job, id: "\(id)"))
        submitted.withLock { $0.append((job, id)) }
        index += 1
      }
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Waits until no job is queued or runs.
  /// - Returns: How many are left when the time is up.
  func drain(_ client: BatonClient, seconds: Double) async throws -> Int {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
      let open = try await open(client)
      if open == 0 || ContinuousClock.now > end { return open }
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  private func open(_ client: BatonClient) async throws -> Int {
    let jobs = try await client.send(.statistics()).jobs
    return jobs[.queued] + jobs[.processing]
  }

  /// Writes down what the coordinator and the programs' own records say of the jobs.
  func collect(_ client: BatonClient) async throws {
    for (job, id) in accepted {
      let ending = try await ending(of: job, id, client)
      recorder.record(.ending(ending))
      for run in try await runs(of: job, id, ending, client) { recorder.record(.run(run)) }
    }
  }

  private func ending(of job: DrillJob, _ id: JobID, _ client: BatonClient) async throws -> JobEnding {
    do {
      let snapshot = try await client.send(.job(id))
      let attempts = try await client.send(.attempts(id)).attempts
      let origin = recorder.origin
      return JobEnding(
        job: job.index, id: "\(id)", status: snapshot.status.rawValue,
        error: snapshot.error.map { "\($0.code): \($0.message)" },
        attempts: attempts.map { attempt in
          JobEnding.Attempt(
            number: attempt.attempt, worker: Self.name(ofWorker: attempt.workerID), outcome: attempt.outcome?.rawValue,
            reason: attempt.reason, startedAt: attempt.startedAt.seconds - origin,
            endedAt: attempt.endedAt.map { $0.seconds - origin })
        })
    } catch let problem as Problem where problem.status == 404 {
      return JobEnding(job: job.index, id: "\(id)", status: "unknown", error: nil, attempts: [])
    }
  }

  private func runs(
    of job: DrillJob, _ id: JobID, _ ending: JobEnding, _ client: BatonClient
  ) async throws -> [ProgramRun] {
    switch job.kind {
    case .exec:
      let text = (try? String(contentsOfFile: record(of: job.index), encoding: .utf8)) ?? ""
      return StepRecord.runs(in: text, job: job.index, origin: recorder.origin)
    case .steps:
      var runs: [ProgramRun] = []
      for attempt in ending.attempts {
        let text = String(decoding: try await client.send(.logs(id, attempt: attempt.number)), as: UTF8.self)
        runs.append(StepsLog.run(in: text, job: job, attempt: attempt))
      }
      return runs
    }
  }

  /// A worker's id is its name and a random part.
  private static func name(ofWorker id: String) -> String {
    id.lastIndex(of: "-").map { String(id[..<$0]) } ?? id
  }
}

extension Instant {
  fileprivate var seconds: Double { Double(microseconds) / 1e6 }
}
