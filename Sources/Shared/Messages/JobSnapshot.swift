import BatonJSON

/// A job as `GET /jobs/{id}` shows it.
public struct JobSnapshot: Sendable {
  public struct Progress: Sendable, Hashable {
    /// 0 to 1; nil when the job has not said.
    public var fraction: Double?
    public var message: String?

    public init(fraction: Double?, message: String?) {
      self.fraction = fraction
      self.message = message
    }
  }

  public struct Checkpoint: Sendable, Hashable {
    /// 1 for the job's first checkpoint, one more for each that follows.
    public var sequence: Int
    public var sizeBytes: Int
    public var contentType: String
    public var savedAt: Instant

    public init(sequence: Int, sizeBytes: Int, contentType: String, savedAt: Instant) {
      self.sequence = sequence
      self.sizeBytes = sizeBytes
      self.contentType = contentType
      self.savedAt = savedAt
    }
  }

  public var id: JobID
  public var queue: String
  public var kind: String
  public var status: JobStatus
  public var payload: RawJSON
  public var priority: Int
  public var placement: Placement
  public var onInterruption: InterruptionBehaviour
  public var tags: RawJSON
  /// The number of the latest attempt; 0 before the first.
  public var attempt: Int
  public var maxAttempts: Int
  public var failures: Int
  public var interruptions: Int
  public var losses: Int
  public var maxLosses: Int
  public var timeoutSeconds: Double?
  public var progress: Progress?
  public var checkpoint: Checkpoint?
  public var result: RawJSON?
  public var error: JobFailure?
  /// The worker that holds the job, or had it last.
  public var workerID: String?
  public var runAt: Instant
  public var createdAt: Instant
  /// When the first attempt started.
  public var startedAt: Instant?
  public var finishedAt: Instant?

  public init(
    id: JobID, queue: String, kind: String, status: JobStatus, payload: RawJSON, priority: Int, placement: Placement,
    onInterruption: InterruptionBehaviour, tags: RawJSON, attempt: Int, maxAttempts: Int, failures: Int,
    interruptions: Int, losses: Int, maxLosses: Int, timeoutSeconds: Double?, progress: Progress?,
    checkpoint: Checkpoint?, result: RawJSON?, error: JobFailure?, workerID: String?, runAt: Instant,
    createdAt: Instant, startedAt: Instant?, finishedAt: Instant?
  ) {
    self.id = id
    self.queue = queue
    self.kind = kind
    self.status = status
    self.payload = payload
    self.priority = priority
    self.placement = placement
    self.onInterruption = onInterruption
    self.tags = tags
    self.attempt = attempt
    self.maxAttempts = maxAttempts
    self.failures = failures
    self.interruptions = interruptions
    self.losses = losses
    self.maxLosses = maxLosses
    self.timeoutSeconds = timeoutSeconds
    self.progress = progress
    self.checkpoint = checkpoint
    self.result = result
    self.error = error
    self.workerID = workerID
    self.runAt = runAt
    self.createdAt = createdAt
    self.startedAt = startedAt
    self.finishedAt = finishedAt
  }
}

/// Why an attempt or a job failed.
public struct JobFailure: Sendable, Hashable {
  /// The most bytes of a code and of a message; longer ones are cut.
  public static let maximumCodeBytes = 128
  public static let maximumMessageBytes = 16_384

  /// A stable word, such as `exit_status` or `worker_lost`.
  public var code: String
  /// What people read.
  public var message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}

extension JobFailure: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("code", code)
      writer.field("message", message)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(code: "failed", message: "")
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "code": code = try reader.string().prefix(utf8Bytes: Self.maximumCodeBytes)
      case "message": message = try reader.string().prefix(utf8Bytes: Self.maximumMessageBytes)
      default: try reader.skip()
      }
    }
  }
}

extension String {
  /// As much of the start as fits into `count` bytes of UTF-8, cut between characters.
  public func prefix(utf8Bytes count: Int) -> String {
    guard utf8.count > count else { return self }
    var end = utf8.index(startIndex, offsetBy: count)
    while end > startIndex, end.samePosition(in: unicodeScalars) == nil { utf8.formIndex(before: &end) }
    return String(self[..<end])
  }
}
