import BatonJSON

/// What one attempt at a job really did, by the job's own record.
struct ProgramRun: Sendable, Equatable {
  struct Mark: Sendable, Equatable {
    /// 1 for the first step.
    var number: Int
    /// Seconds since the drill's start; nil when the record does not tell.
    var at: Double?
  }

  /// The job's number in the drill.
  var job: Int
  var attempt: Int
  var worker: String
  /// The step that it began with; nil when the record was cut off before it told.
  var first: Int?
  var startedAt: Double?
  /// The steps that were executed, in order.
  var steps: [Mark] = []
  /// The checkpoints that were written, by the steps that they hold.
  var checkpoints: [Mark] = []
  /// The checkpoint that was written because the job was told to stop.
  var interrupted: Mark?
  var finishedAt: Double?
  /// Whether every executed step is in the record.
  var isExact = true

  /// The last step that was executed; the one before the first if none was.
  var last: Int? { steps.last?.number ?? first.map { $0 - 1 } }
}

extension ProgramRun: JSONEncodable {
  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("job", job)
      writer.field("attempt", attempt)
      writer.field("worker", worker)
      writer.field("first", first)
      writer.field("started_at", startedAt)
      writer.field("exact", isExact)
      writer.key("steps")
      writer.array { writer in for mark in steps { mark.write(to: &writer) } }
      writer.key("checkpoints")
      writer.array { writer in for mark in checkpoints { mark.write(to: &writer) } }
      writer.field("interrupted", interrupted)
      writer.field("finished_at", finishedAt)
    }
  }
}

extension ProgramRun.Mark: JSONEncodable {
  func write(to writer: inout JSONWriter) {
    writer.array { writer in
      writer.value(number)
      if let at { writer.value((at * 1000).rounded() / 1000) } else { writer.null() }
    }
  }
}
