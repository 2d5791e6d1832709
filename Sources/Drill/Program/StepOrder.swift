import BatonJSON

/// What the drill's program is told on standard input.
struct StepOrder: Sendable, Equatable, JSONEncodable, JSONDecodable {
  var steps: Int
  var stepSeconds: Double
  var checkpointEvery: Int
  /// The step that fails unless one has before; nil for none.
  var failOnceAt: Int?
  /// The file to write down each step in.
  var record: String

  init(job: DrillJob, record: String) {
    (steps, stepSeconds, checkpointEvery) = (job.steps, job.stepSeconds, job.checkpointEvery)
    failOnceAt = job.fate == .failsOnce ? job.failAt : nil
    self.record = record
  }

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("steps", steps)
      writer.field("step_seconds", stepSeconds)
      writer.field("checkpoint_every", checkpointEvery)
      if let failOnceAt { writer.field("fail_once_at", failOnceAt) }
      writer.field("record", record)
    }
  }

  init(from reader: inout JSONReader) throws(JSONError) {
    (steps, stepSeconds, checkpointEvery, record) = (0, 0, 1, "")
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "steps": steps = try reader.int(in: 0...1_000_000_000)
      case "step_seconds": stepSeconds = try reader.double(in: 0...86_400)
      case "checkpoint_every": checkpointEvery = try reader.int(in: 1...1_000_000_000)
      case "fail_once_at": failOnceAt = try reader.int(in: 1...1_000_000_000)
      case "record": record = try reader.string()
      default: try reader.skip()
      }
    }
  }
}
