import BatonJSON

/// One attempt at a job, as `GET /jobs/{id}/attempts` shows it.
public struct AttemptSnapshot: Sendable, JSONEncodable, JSONDecodable {
  public var attempt: Int
  public var leaseID: LeaseID
  public var workerID: String
  public var capacityType: CapacityType
  /// How it ended; nil while it runs.
  public var outcome: AttemptOutcome?
  public var reason: String?
  public var startedAt: Instant
  public var endedAt: Instant?
  /// The newest checkpoint that this attempt saved or, having saved none, started from.
  public var checkpointSequence: Int?

  public init(
    attempt: Int, leaseID: LeaseID, workerID: String, capacityType: CapacityType, outcome: AttemptOutcome?,
    reason: String?, startedAt: Instant, endedAt: Instant?, checkpointSequence: Int?
  ) {
    self.attempt = attempt
    self.leaseID = leaseID
    self.workerID = workerID
    self.capacityType = capacityType
    self.outcome = outcome
    self.reason = reason
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.checkpointSequence = checkpointSequence
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("attempt", attempt)
      writer.field("lease_id", leaseID)
      writer.field("worker_id", workerID)
      writer.field("capacity_type", capacityType.rawValue)
      writer.field("outcome", outcome?.rawValue)
      writer.field("reason", reason)
      writer.field("started_at", startedAt)
      writer.field("ended_at", endedAt)
      writer.field("checkpoint_sequence", checkpointSequence)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(
      attempt: 0, leaseID: .withheld, workerID: "", capacityType: .unknown, outcome: nil, reason: nil,
      startedAt: Instant(microseconds: 0), endedAt: nil, checkpointSequence: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "attempt": attempt = try reader.int()
      case "lease_id": leaseID = try reader.value()
      case "worker_id": workerID = try reader.string()
      case "capacity_type": capacityType = try reader.word()
      case "outcome": outcome = try reader.optional { reader throws(JSONError) in try reader.word() }
      case "reason": reason = try reader.optional { reader throws(JSONError) in try reader.string() }
      case "started_at": startedAt = try reader.value()
      case "ended_at": endedAt = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "checkpoint_sequence":
        checkpointSequence = try reader.optional { reader throws(JSONError) in try reader.int() }
      default: try reader.skip()
      }
    }
  }
}

/// The answer to `GET /jobs/{id}/attempts`, oldest first.
public struct AttemptList: Sendable, JSONEncodable, JSONDecodable {
  public var attempts: [AttemptSnapshot]
  /// Continues the list when given as `cursor`; nil on its last page.
  public var nextCursor: String?

  public init(attempts: [AttemptSnapshot], nextCursor: String? = nil) {
    self.attempts = attempts
    self.nextCursor = nextCursor
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("attempts", attempts)
      writer.field("next_cursor", nextCursor)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(attempts: [])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "attempts": attempts = try reader.values()
      case "next_cursor": nextCursor = try reader.optional { reader throws(JSONError) in try reader.string() }
      default: try reader.skip()
      }
    }
  }
}
