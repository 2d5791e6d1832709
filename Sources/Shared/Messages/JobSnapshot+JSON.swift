import BatonJSON

extension JobSnapshot: JSONEncodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("id", id)
      writer.field("queue", queue)
      writer.field("kind", kind)
      writer.field("status", status.rawValue)
      writer.field("payload", payload)
      writer.field("priority", priority)
      writer.field("placement", placement.rawValue)
      writer.field("on_interruption", onInterruption.rawValue)
      writer.field("tags", tags)
      writer.field("attempt", attempt)
      writer.field("max_attempts", maxAttempts)
      writer.field("failures", failures)
      writer.field("interruptions", interruptions)
      writer.field("losses", losses)
      writer.field("max_losses", maxLosses)
      writer.field("timeout_seconds", timeoutSeconds)
      writer.field("progress", progress)
      writer.field("checkpoint", checkpoint)
      writer.field("result", result)
      writer.field("error", error)
      writer.field("worker_id", workerID)
      writer.field("run_at", runAt)
      writer.field("created_at", createdAt)
      writer.field("started_at", startedAt)
      writer.field("finished_at", finishedAt)
    }
  }
}

extension JobSnapshot: JSONDecodable {
  /// Reads what a coordinator shows; fields that are not known here are passed over.
  public init(from reader: inout JSONReader) throws(JSONError) {
    let nowhere = Instant(microseconds: 0)
    var id: JobID?
    self.init(
      id: JobID(.zero), queue: "", kind: "", status: .queued, payload: .null, priority: 0, placement: .any,
      onInterruption: .auto, tags: .emptyObject, attempt: 0, maxAttempts: 0, failures: 0, interruptions: 0, losses: 0,
      maxLosses: 0, timeoutSeconds: nil, progress: nil, checkpoint: nil, result: nil, error: nil, workerID: nil,
      runAt: nowhere, createdAt: nowhere, startedAt: nil, finishedAt: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "id": id = try reader.value()
      case "queue": queue = try reader.string()
      case "kind": kind = try reader.string()
      case "status": status = try reader.word()
      case "payload": payload = try reader.raw()
      case "priority": priority = try reader.int()
      case "placement": placement = try reader.word()
      case "on_interruption": onInterruption = try reader.word()
      case "tags": tags = try reader.raw()
      case "attempt": attempt = try reader.int()
      case "max_attempts": maxAttempts = try reader.int()
      case "failures": failures = try reader.int()
      case "interruptions": interruptions = try reader.int()
      case "losses": losses = try reader.int()
      case "max_losses": maxLosses = try reader.int()
      case "timeout_seconds": timeoutSeconds = try reader.optional { reader throws(JSONError) in try reader.double() }
      case "progress": progress = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "checkpoint": checkpoint = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "result": result = try reader.optional { reader throws(JSONError) in try reader.raw() }
      case "error": error = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "worker_id": workerID = try reader.optional { reader throws(JSONError) in try reader.string() }
      case "run_at": runAt = try reader.value()
      case "created_at": createdAt = try reader.value()
      case "started_at": startedAt = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "finished_at": finishedAt = try reader.optional { reader throws(JSONError) in try reader.value() }
      default: try reader.skip()
      }
    }
    guard let id else { throw JSONError(field: "id", expected: "given") }
    self.id = id
  }
}

extension JobSnapshot.Progress: JSONEncodable, JSONDecodable {
  /// The most bytes of a progress message; longer ones are cut.
  public static let maximumMessageBytes = 1024

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("fraction", fraction)
      writer.field("message", message)
    }
  }

  /// Reads a report of progress; a fraction outside of 0…1 is moved to the nearer end.
  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(fraction: nil, message: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "fraction":
        fraction = try reader.optional { reader throws(JSONError) in min(1, max(0, try reader.double())) }
      case "message":
        message = try reader.optional { reader throws(JSONError) in
          try reader.string().prefix(utf8Bytes: Self.maximumMessageBytes)
        }
      default: try reader.skip()
      }
    }
  }
}

extension JobSnapshot.Checkpoint: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("sequence", sequence)
      writer.field("size_bytes", sizeBytes)
      writer.field("content_type", contentType)
      writer.field("saved_at", savedAt)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(sequence: 0, sizeBytes: 0, contentType: "", savedAt: Instant(microseconds: 0))
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "sequence": sequence = try reader.int()
      case "size_bytes": sizeBytes = try reader.int()
      case "content_type": contentType = try reader.string()
      case "saved_at": savedAt = try reader.value()
      default: try reader.skip()
      }
    }
  }
}

/// A page of `GET /jobs`.
public struct JobPage: Sendable, JSONEncodable, JSONDecodable {
  public var jobs: [JobSnapshot]
  /// Continues the list when given as `cursor`; nil on its last page.
  public var nextCursor: String?

  public init(jobs: [JobSnapshot], nextCursor: String?) {
    self.jobs = jobs
    self.nextCursor = nextCursor
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("jobs", jobs)
      writer.field("next_cursor", nextCursor)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(jobs: [], nextCursor: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "jobs": jobs = try reader.values()
      case "next_cursor": nextCursor = try reader.optional { reader throws(JSONError) in try reader.string() }
      default: try reader.skip()
      }
    }
  }
}
