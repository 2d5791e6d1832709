import BatonClient
import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

extension Fleet {
  /// Submits a job, once.
  func submit(_ job: JobSubmission, to coordinator: RunningProcess, key: String? = nil) async throws -> JobID {
    try await send(.submit(job, idempotencyKey: key), to: coordinator.address).id
  }

  func job(_ id: JobID, at coordinator: RunningProcess) async throws -> JobSnapshot {
    try await send(.job(id), to: coordinator.address)
  }

  func attempts(_ id: JobID, at coordinator: RunningProcess) async throws -> [AttemptSnapshot] {
    try await send(.attempts(id), to: coordinator.address).attempts
  }

  func logs(_ id: JobID, attempt: Int? = nil, at coordinator: RunningProcess) async throws -> String {
    String(decoding: try await send(.logs(id, attempt: attempt), to: coordinator.address), as: UTF8.self)
  }

  /// Looks at a job again and again; a coordinator that is down meanwhile is waited for.
  /// - Throws: `TooLate`.
  @discardableResult
  func wait(
    for id: JobID, at coordinator: RunningProcess, within limit: Duration = .seconds(30), _ what: String,
    until condition: (JobSnapshot) -> Bool
  ) async throws -> JobSnapshot {
    var seen: JobSnapshot?
    do {
      try await eventually(within: limit, "\(what) of job \(id)") {
        guard let job = try? await self.job(id, at: coordinator) else { return false }
        seen = job
        return condition(job)
      }
    } catch let late as TooLate {
      throw StoryFailure(
        "\(late.description); it is \(seen.map { String(decoding: $0.json, as: UTF8.self) } ?? "unknown")")
    }
    return seen!
  }

  /// Waits until a job is finished, in whatever way.
  @discardableResult
  func finish(
    _ id: JobID, at coordinator: RunningProcess, within limit: Duration = .seconds(30)
  ) async throws -> JobSnapshot {
    try await wait(for: id, at: coordinator, within: limit, "the end") { $0.status.isFinished }
  }

  /// Waits until a worker runs a job.
  @discardableResult
  func running(_ id: JobID, at coordinator: RunningProcess) async throws -> JobSnapshot {
    try await wait(for: id, at: coordinator, "the start") { $0.status == .processing }
  }

  /// Waits until a worker has begun with a job; the coordinator says that it runs while it is still on its way there.
  func started(_ ids: JobID..., on worker: RunningProcess) async throws {
    for id in ids {
      try await eventually("the start of job \(id) on \(worker.name)") {
        worker.log.split(separator: "\n").contains { $0.contains("a job starts") && $0.contains("job=\(id)") }
      }
    }
  }

  /// Checks how the attempts at a job ended, from the first to the last.
  func expectOutcomes(
    _ outcomes: [AttemptOutcome], of id: JobID, at coordinator: RunningProcess,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let attempts = try await self.attempts(id, at: coordinator)
    let story = attempts.map { "\($0.outcome?.rawValue ?? "running") on \($0.workerID): \($0.reason ?? "")" }
    #expect(
      attempts.map(\.outcome) == outcomes, "\(story.joined(separator: "; "))", sourceLocation: sourceLocation)
  }

  /// The processes that run as the program of an attempt.
  func programs(of lease: LeaseID) -> [Int32] { ProcessTable.carrying("BATON_LEASE_ID", lease.description) }
}

extension JobSubmission {
  static func steps(
    _ steps: Int, seconds: Double, checkpointEvery: Int = 10, onInterruption: InterruptionBehaviour = .auto
  ) -> JobSubmission {
    var payload = JSONWriter()
    payload.object { writer in
      writer.field("steps", steps)
      writer.field("step_seconds", seconds)
      writer.field("checkpoint_every", checkpointEvery)
    }
    return JobSubmission(
      kind: "steps", payload: RawJSON(trusted: payload.bytes), onInterruption: onInterruption)
  }

  static let noop = JobSubmission(kind: "noop")

  /// A program; `input` is a JSON text.
  static func exec(_ command: [String], input: String? = nil) throws -> JobSubmission {
    var payload = JSONWriter()
    let input = try input.map { try RawJSON(parsing: $0) }
    payload.object { writer in
      writer.field("command", command)
      if let input { writer.field("input", input) }
    }
    return JobSubmission(kind: "exec", payload: RawJSON(trusted: payload.bytes))
  }

  static func shell(_ script: String) throws -> JobSubmission { try exec(["sh", "-c", script]) }

  /// This submission, changed.
  func with(_ change: (inout JobSubmission) -> Void) -> JobSubmission {
    var changed = self
    change(&changed)
    return changed
  }
}

extension JobSnapshot {
  /// A number of the job's result.
  func number(_ name: String) -> Int? {
    guard var reader = result?.reader() else { return nil }
    var number: Int?
    try? reader.object { key, reader throws(JSONError) in
      if key == name { number = try reader.int() } else { try reader.skip() }
    }
    return number
  }
}
