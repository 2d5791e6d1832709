import BatonJSON

/// The kind `sleep`: takes its time and does nothing. Interrupted, it is handed back and starts anew.
struct SleepHandler: JobHandler {
  struct Payload: Sendable, Equatable {
    /// nil where it does not say.
    var seconds: Double?

    init(_ payload: RawJSON) throws {
      var seconds: Double?
      try BuiltinPayload.read(payload) { key, reader throws(JSONError) in
        guard key == "seconds" else { throw BuiltinPayload.unknownField }
        if !reader.null() { seconds = try reader.double(in: 0...31_536_000) }
      }
      self.seconds = seconds
    }
  }

  let kind = "sleep"
  /// For jobs that do not say, in seconds.
  let defaultSeconds: Double

  func run(_ job: JobContext) async throws -> RawJSON? {
    let seconds = try Payload(job.payload).seconds ?? defaultSeconds
    let startedAt = ContinuousClock.now
    let end = startedAt + .seconds(seconds)
    while ContinuousClock.now < end {
      let tick = min(end, .now + .milliseconds(500))
      if await job.run.state.first(before: tick, where: { $0.interruption != nil || $0.halt != nil }) != nil {
        try Task.checkCancellation()
        throw JobInterrupted()
      }
      try Task.checkCancellation()
      job.reportProgress(min(1, (ContinuousClock.now - startedAt).inSeconds / max(seconds, 0.001)))
    }
    var writer = JSONWriter()
    writer.object { $0.field("seconds", seconds) }
    return RawJSON(trusted: writer.bytes)
  }
}
