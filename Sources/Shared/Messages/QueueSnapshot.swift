import BatonJSON

/// A queue as `GET /queues` shows it.
public struct QueueSnapshot: Sendable, JSONEncodable, JSONDecodable {
  public var name: String
  public var paused: Bool
  public var counts: StatusCounts
  /// How long the job that waits longest has been ready to run; nil when none is.
  public var oldestQueuedSeconds: Double?

  public init(name: String, paused: Bool, counts: StatusCounts, oldestQueuedSeconds: Double?) {
    self.name = name
    self.paused = paused
    self.counts = counts
    self.oldestQueuedSeconds = oldestQueuedSeconds
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("name", name)
      writer.field("paused", paused)
      writer.field("jobs", counts)
      writer.field("oldest_queued_seconds", oldestQueuedSeconds)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(name: "", paused: false, counts: StatusCounts(), oldestQueuedSeconds: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "name": name = try reader.string()
      case "paused": paused = try reader.bool()
      case "jobs": counts = try reader.value()
      case "oldest_queued_seconds":
        oldestQueuedSeconds = try reader.optional { reader throws(JSONError) in try reader.double() }
      default: try reader.skip()
      }
    }
  }
}

/// A page of `GET /queues`.
public struct QueueList: Sendable, JSONEncodable, JSONDecodable {
  public var queues: [QueueSnapshot]
  /// Continues the list when given as `cursor`; nil on its last page.
  public var nextCursor: String?

  public init(queues: [QueueSnapshot], nextCursor: String? = nil) {
    self.queues = queues
    self.nextCursor = nextCursor
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("queues", queues)
      writer.field("next_cursor", nextCursor)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(queues: [])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "queues": queues = try reader.values()
      case "next_cursor": nextCursor = try reader.optional { reader throws(JSONError) in try reader.string() }
      default: try reader.skip()
      }
    }
  }
}

/// How many jobs stand where.
public struct StatusCounts: Sendable, Hashable, JSONEncodable, JSONDecodable {
  private var counts: [JobStatus: Int] = [:]

  public init() {}

  public subscript(status: JobStatus) -> Int {
    get { counts[status] ?? 0 }
    set { counts[status] = newValue }
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      for status in JobStatus.allCases { writer.field(status.rawValue, self[status]) }
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    try reader.object { key, reader throws(JSONError) in
      if let status = JobStatus(rawValue: key) { self[status] = try reader.int() } else { try reader.skip() }
    }
  }
}

/// The answer to `GET /stats`.
public struct Statistics: Sendable, JSONEncodable, JSONDecodable {
  public var jobs: StatusCounts
  public var workers: [WorkerState: Int]

  public init(jobs: StatusCounts, workers: [WorkerState: Int]) {
    self.jobs = jobs
    self.workers = workers
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("jobs", jobs)
      writer.field(
        "workers",
        object: { writer in
          for state in WorkerState.allCases { writer.field(state.rawValue, workers[state] ?? 0) }
        })
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(jobs: StatusCounts(), workers: [:])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "jobs": jobs = try reader.value()
      case "workers":
        try reader.object { name, reader throws(JSONError) in
          if let state = WorkerState(rawValue: name) { workers[state] = try reader.int() } else { try reader.skip() }
        }
      default: try reader.skip()
      }
    }
  }
}
