import BatonJSON

/// The body of `POST /leases`.
public struct LeaseRequest: Sendable, Hashable, JSONEncodable, JSONDecodable {
  public static let maximumLeases = 1000
  public static let maximumWaitSeconds = 60.0

  public var workerID: String
  /// How many leases to give at the most.
  public var max: Int
  public var queues: [String]
  /// The kinds of job wanted; empty for all.
  public var kinds: [String]
  /// How long to wait for work when there is none.
  public var waitSeconds: Double

  public init(workerID: String, max: Int, queues: [String], kinds: [String] = [], waitSeconds: Double = 0) {
    self.workerID = workerID
    self.max = max
    self.queues = queues
    self.kinds = kinds
    self.waitSeconds = waitSeconds
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("worker_id", workerID)
      writer.field("max", max)
      writer.field("queues", queues)
      if !kinds.isEmpty { writer.field("kinds", kinds) }
      writer.field("wait_seconds", waitSeconds)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(workerID: "", max: 1, queues: ["default"])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "worker_id": workerID = try reader.name()
      case "max": max = try reader.int(in: 1...Self.maximumLeases)
      case "queues": queues = try reader.names()
      case "kinds": kinds = try reader.optional { reader throws(JSONError) in try reader.names() } ?? []
      case "wait_seconds": waitSeconds = try reader.double(in: 0...Self.maximumWaitSeconds)
      default: try reader.skip()
      }
    }
    guard !workerID.isEmpty else { throw JSONError(field: "worker_id", expected: "given: the worker's name") }
    guard !queues.isEmpty else { throw JSONError(field: "queues", expected: "a list of at least one queue") }
  }
}

/// A job handed to a worker for as long as the worker keeps renewing the lease.
public struct LeaseGrant: Sendable, JSONEncodable, JSONDecodable {
  public struct Checkpoint: Sendable, Hashable, JSONEncodable, JSONDecodable {
    public var sequence: Int
    public var sizeBytes: Int
    public var contentType: String

    public init(sequence: Int, sizeBytes: Int, contentType: String) {
      self.sequence = sequence
      self.sizeBytes = sizeBytes
      self.contentType = contentType
    }

    public func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("sequence", sequence)
        writer.field("size_bytes", sizeBytes)
        writer.field("content_type", contentType)
      }
    }

    public init(from reader: inout JSONReader) throws(JSONError) {
      self.init(sequence: 0, sizeBytes: 0, contentType: "application/octet-stream")
      try reader.object { key, reader throws(JSONError) in
        switch key {
        case "sequence": sequence = try reader.int()
        case "size_bytes": sizeBytes = try reader.int()
        case "content_type": contentType = try reader.string()
        default: try reader.skip()
        }
      }
    }
  }

  public var leaseID: LeaseID
  public var jobID: JobID
  public var queue: String
  public var kind: String
  public var payload: RawJSON
  /// 1 for the job's first attempt.
  public var attempt: Int
  /// How often the job has been interrupted so far.
  public var interruptions: Int
  public var leaseTTLSeconds: Double
  public var timeoutSeconds: Double?
  public var onInterruption: InterruptionBehaviour
  /// What the attempt starts from; nil to start afresh.
  public var checkpoint: Checkpoint?

  public init(
    leaseID: LeaseID, jobID: JobID, queue: String, kind: String, payload: RawJSON, attempt: Int, interruptions: Int,
    leaseTTLSeconds: Double, timeoutSeconds: Double?, onInterruption: InterruptionBehaviour, checkpoint: Checkpoint?
  ) {
    self.leaseID = leaseID
    self.jobID = jobID
    self.queue = queue
    self.kind = kind
    self.payload = payload
    self.attempt = attempt
    self.interruptions = interruptions
    self.leaseTTLSeconds = leaseTTLSeconds
    self.timeoutSeconds = timeoutSeconds
    self.onInterruption = onInterruption
    self.checkpoint = checkpoint
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("lease_id", leaseID)
      writer.field("job_id", jobID)
      writer.field("queue", queue)
      writer.field("kind", kind)
      writer.field("payload", payload)
      writer.field("attempt", attempt)
      writer.field("interruptions", interruptions)
      writer.field("lease_ttl_seconds", leaseTTLSeconds)
      writer.field("timeout_seconds", timeoutSeconds)
      writer.field("on_interruption", onInterruption.rawValue)
      writer.field("checkpoint", checkpoint)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var leaseID: LeaseID?
    var jobID: JobID?
    var queue = ""
    var kind = ""
    var payload = RawJSON.null
    var attempt = 1
    var interruptions = 0
    var leaseTTLSeconds: Double?
    var timeoutSeconds: Double?
    var onInterruption = InterruptionBehaviour.auto
    var checkpoint: Checkpoint?
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "lease_id": leaseID = try reader.value()
      case "job_id": jobID = try reader.value()
      case "queue": queue = try reader.string()
      case "kind": kind = try reader.string()
      case "payload": payload = try reader.raw()
      case "attempt": attempt = try reader.int()
      case "interruptions": interruptions = try reader.int()
      case "lease_ttl_seconds": leaseTTLSeconds = try reader.double()
      case "timeout_seconds": timeoutSeconds = try reader.optional { reader throws(JSONError) in try reader.double() }
      // A word from a newer coordinator is no reason to drop a job: what is not known is left to the worker.
      case "on_interruption": onInterruption = InterruptionBehaviour(rawValue: try reader.string()) ?? .auto
      case "checkpoint": checkpoint = try reader.optional { reader throws(JSONError) in try reader.value() }
      default: try reader.skip()
      }
    }
    guard let leaseID else { throw JSONError(field: "lease_id", expected: "given") }
    guard let jobID else { throw JSONError(field: "job_id", expected: "given") }
    guard let leaseTTLSeconds else { throw JSONError(field: "lease_ttl_seconds", expected: "given") }
    self.init(
      leaseID: leaseID, jobID: jobID, queue: queue, kind: kind, payload: payload, attempt: attempt,
      interruptions: interruptions, leaseTTLSeconds: leaseTTLSeconds, timeoutSeconds: timeoutSeconds,
      onInterruption: onInterruption, checkpoint: checkpoint)
  }
}

/// The answer to `POST /leases`.
public struct LeaseGrants: Sendable, JSONEncodable, JSONDecodable {
  public var leases: [LeaseGrant]

  public init(leases: [LeaseGrant]) { self.leases = leases }

  public func write(to writer: inout JSONWriter) {
    writer.object { $0.field("leases", leases) }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var leases: [LeaseGrant] = []
    try reader.object { key, reader throws(JSONError) in
      if key == "leases" { leases = try reader.values() } else { try reader.skip() }
    }
    self.leases = leases
  }
}

/// The answer to `PUT /leases/{lease_id}/checkpoint`.
public struct CheckpointReceipt: Sendable, JSONEncodable, JSONDecodable {
  public var sequence: Int

  public init(sequence: Int) { self.sequence = sequence }

  public func write(to writer: inout JSONWriter) {
    writer.object { $0.field("sequence", sequence) }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var sequence = 0
    try reader.object { key, reader throws(JSONError) in
      if key == "sequence" { sequence = try reader.int() } else { try reader.skip() }
    }
    self.sequence = sequence
  }
}
