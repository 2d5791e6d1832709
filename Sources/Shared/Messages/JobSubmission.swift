import BatonJSON

/// A job as its submitter describes it: the body of `POST /jobs`.
public struct JobSubmission: Sendable, Hashable {
  /// When the job may start.
  public enum Start: Sendable, Hashable {
    case now
    case at(Instant)
    /// Seconds from the moment of the submission, on the database's clock.
    case after(Double)
  }

  /// The most tags of a job, and the most bytes of a tag's name and of its text.
  public static let maximumTags = 64
  public static let maximumTagNameBytes = 128
  public static let maximumTagBytes = 1024

  public var kind: String
  public var payload: RawJSON
  public var queue: String
  /// −100 to 100; the higher is leased first.
  public var priority: Int
  public var start: Start
  /// Failures allowed, plus one.
  public var maxAttempts: Int
  /// The job fails when this many workers were lost with it.
  public var maxLosses: Int
  /// The run time of one attempt; nil for no limit.
  public var timeoutSeconds: Double?
  public var placement: Placement
  public var onInterruption: InterruptionBehaviour
  public var tags: [String: String]

  public init(
    kind: String, payload: RawJSON = .emptyObject, queue: String = "default", priority: Int = 0, start: Start = .now,
    maxAttempts: Int = 5, maxLosses: Int = 5, timeoutSeconds: Double? = nil, placement: Placement = .any,
    onInterruption: InterruptionBehaviour = .auto, tags: [String: String] = [:]
  ) {
    self.kind = kind
    self.payload = payload
    self.queue = queue
    self.priority = priority
    self.start = start
    self.maxAttempts = maxAttempts
    self.maxLosses = maxLosses
    self.timeoutSeconds = timeoutSeconds
    self.placement = placement
    self.onInterruption = onInterruption
    self.tags = tags
  }
}

extension JobSubmission: JSONDecodable {
  /// Reads a submission; unknown fields are errors, so that a misspelt one is not silently without effect.
  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(kind: "")
    var runAt: Instant?
    var delay: Double?
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "kind": kind = try reader.name()
      case "payload": payload = try reader.raw()
      case "queue": queue = try reader.name()
      case "priority": priority = try reader.int(in: -100...100)
      case "run_at": runAt = try reader.optional { reader throws(JSONError) in try Instant(from: &reader) }
      case "delay_seconds": delay = try reader.optional { reader throws(JSONError) in try reader.delay() }
      case "max_attempts": maxAttempts = try reader.int(in: 1...1_000_000)
      case "max_losses": maxLosses = try reader.int(in: 1...1_000_000)
      case "timeout_seconds": timeoutSeconds = try reader.optional { reader throws(JSONError) in try reader.timeout() }
      case "placement": placement = try reader.word()
      case "on_interruption": onInterruption = try reader.word()
      case "tags": tags = try reader.tags()
      default: throw JSONError(expected: "left out: there is no such field")
      }
    }
    guard !kind.isEmpty else { throw JSONError(field: "kind", expected: "given: the name of the kind of job") }
    switch (runAt, delay) {
    case (nil, nil): start = .now
    case (let instant?, nil): start = .at(instant)
    case (nil, let seconds?): start = seconds > 0 ? .after(seconds) : .now
    case (_?, _?): throw JSONError(field: "delay_seconds", expected: "left out when 'run_at' is given")
    }
  }
}

extension JobSubmission: JSONEncodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("kind", kind)
      writer.field("payload", payload)
      writer.field("queue", queue)
      writer.field("priority", priority)
      switch start {
      case .now: break
      case .at(let instant): writer.field("run_at", instant)
      case .after(let seconds): writer.field("delay_seconds", seconds)
      }
      writer.field("max_attempts", maxAttempts)
      writer.field("max_losses", maxLosses)
      if let timeoutSeconds { writer.field("timeout_seconds", timeoutSeconds) }
      writer.field("placement", placement.rawValue)
      writer.field("on_interruption", onInterruption.rawValue)
      writer.field("tags", tags: tags)
    }
  }
}

/// The body of `POST /jobs/batch`.
public struct BatchSubmission: Sendable, JSONEncodable, JSONDecodable {
  /// The most jobs of a batch.
  public static let maximumJobs = 10_000

  public var jobs: [JobSubmission]

  public init(jobs: [JobSubmission]) { self.jobs = jobs }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var jobs: [JobSubmission]?
    try reader.object { key, reader throws(JSONError) in
      guard key == "jobs" else { throw JSONError(expected: "left out: there is no such field") }
      var read: [JobSubmission] = []
      try reader.array { reader throws(JSONError) in
        guard read.count < Self.maximumJobs else {
          throw JSONError(expected: "absent: a batch holds at most \(Self.maximumJobs) jobs")
        }
        read.append(try JobSubmission(from: &reader))
      }
      jobs = read
    }
    guard let jobs else { throw JSONError(field: "jobs", expected: "given: an array of jobs") }
    self.jobs = jobs
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { $0.field("jobs", jobs) }
  }
}

/// The answer to `POST /jobs/batch`.
public struct BatchReceipt: Sendable, JSONEncodable, JSONDecodable {
  /// The jobs' ids, in the order of the batch.
  public var ids: [JobID]

  public init(ids: [JobID]) { self.ids = ids }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var ids: [JobID] = []
    try reader.object { key, reader throws(JSONError) in
      if key == "ids" { ids = try reader.values() } else { try reader.skip() }
    }
    self.ids = ids
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { $0.field("ids", ids) }
  }
}

extension JSONReader {
  /// Reads a delay in seconds, up to ten years.
  public mutating func delay() throws(JSONError) -> Double { try double(in: 0...315_360_000) }

  /// Reads a time limit in seconds, above zero and up to a year.
  mutating func timeout() throws(JSONError) -> Double {
    let seconds = try double(in: 0...31_536_000)
    guard seconds > 0 else { throw JSONError(expected: "a number above 0") }
    return seconds
  }

  mutating func tags() throws(JSONError) -> [String: String] {
    var tags: [String: String] = [:]
    try object { key, reader throws(JSONError) in
      guard tags.count < JobSubmission.maximumTags else {
        throw JSONError(expected: "absent: a job has at most \(JobSubmission.maximumTags) tags")
      }
      guard !key.isEmpty, key.utf8.count <= JobSubmission.maximumTagNameBytes else {
        throw JSONError(expected: "a tag with a name of 1 to \(JobSubmission.maximumTagNameBytes) bytes")
      }
      tags[key] = try reader.text(atMost: JobSubmission.maximumTagBytes)
    }
    return tags
  }
}

extension JSONWriter {
  mutating func field(_ name: String, tags: [String: String]) {
    field(
      name,
      object: { writer in
        for (tag, text) in tags.sorted(by: { $0.key < $1.key }) { writer.field(tag, text) }
      })
  }
}
