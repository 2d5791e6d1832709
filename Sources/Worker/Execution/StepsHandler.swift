import BatonJSON

/// The kind `steps`: counts, with a checkpoint now and then; for demonstrations and tests.
///
/// The checkpoint holds the number of steps done. On an interruption the very step that has been reached is saved.
struct StepsHandler: JobHandler {
  struct Payload: Sendable, Equatable {
    var steps = 100
    /// How long a step takes, in seconds.
    var stepSeconds = 0.1
    var checkpointEvery = 10
    /// The step that fails; nil for none.
    var failAt: Int?

    init(_ payload: RawJSON) throws {
      var read = Self()
      try BuiltinPayload.read(payload) { key, reader throws(JSONError) in
        switch key {
        case "steps": if !reader.null() { read.steps = try reader.int(in: 0...1_000_000_000) }
        case "step_seconds": if !reader.null() { read.stepSeconds = try reader.double(in: 0...86_400) }
        case "checkpoint_every": if !reader.null() { read.checkpointEvery = try reader.int(in: 1...1_000_000_000) }
        case "fail_at": if !reader.null() { read.failAt = try reader.int(in: 1...1_000_000_000) }
        default: throw BuiltinPayload.unknownField
        }
      }
      self = read
    }

    private init() {}
  }

  let kind = "steps"

  func run(_ job: JobContext) async throws -> RawJSON? {
    let payload = try Payload(job.payload)
    let first = min(try await startingStep(job), payload.steps)
    if first > 0 { job.log("going on at step \(first) of \(payload.steps)") }
    var step = first
    var saved = first
    while step < payload.steps {
      let end = ContinuousClock.now + .seconds(payload.stepSeconds)
      _ = await job.run.state.first(before: end) { $0.interruption != nil || $0.halt != nil }
      try Task.checkCancellation()
      if job.interruption.isRequested {
        if step > saved { try await save(step, job) }
        job.log("interrupted at step \(step) of \(payload.steps)")
        throw JobInterrupted()
      }
      step += 1
      if step == payload.failAt { throw JobFailed(code: "step_failed", message: "step \(step) failed, as it was told") }
      job.reportProgress(Double(step) / Double(payload.steps), message: "step \(step) of \(payload.steps)")
      let isDue = step.isMultiple(of: payload.checkpointEvery) || job.interruption.isCheckpointWanted
      if isDue, step < payload.steps {
        try await save(step, job)
        saved = step
        job.log("checkpoint at step \(step)")
      }
    }
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("steps", payload.steps)
      writer.field("first_step", first)
      writer.field("executed", payload.steps - first)
    }
    return RawJSON(trusted: writer.bytes)
  }

  private func startingStep(_ job: JobContext) async throws -> Int {
    guard let bytes = try await job.checkpoint() else { return 0 }
    return try Self.step(in: bytes)
  }

  /// Reads what ``save(_:_:)`` has written.
  /// - Throws: ``JobFailed``.
  static func step(in bytes: [UInt8]) throws -> Int {
    var step = 0
    do {
      var reader = try JSONReader(bytes)
      try reader.object { key, reader throws(JSONError) in
        if key == "step" { step = try reader.int(in: 0...Int.max) } else { try reader.skip() }
      }
      try reader.end()
    } catch {
      throw JobFailed(code: "invalid_checkpoint", message: "the checkpoint is not one of steps: \(error)")
    }
    return step
  }

  private func save(_ step: Int, _ job: JobContext) async throws {
    var writer = JSONWriter()
    writer.object { $0.field("step", step) }
    try await job.saveCheckpoint(writer.bytes, contentType: "application/json")
  }
}
