import BatonJSON

/// How a worker ends an attempt: one entry of the body of `POST /leases/settle`.
public struct Settlement: Sendable, JSONEncodable, JSONDecodable {
  /// The most bytes of a reason; longer ones are cut.
  public static let maximumReasonBytes = 1024

  public var leaseID: LeaseID
  public var outcome: SettleOutcome
  /// The job's result, with `done`.
  public var result: RawJSON?
  /// What went wrong, with `failed` and `timed_out`.
  public var error: JobFailure?
  /// Whether a failed job may be tried again.
  public var retryable: Bool
  /// Why it was handed back; goes on the attempt's record.
  public var reason: String?
  /// When to try again, in seconds; nil for what the coordinator thinks right.
  public var delaySeconds: Double?
  /// Whether the job was begun: one that was leased ahead and handed back unrun has lost no work.
  public var begun: Bool

  public init(
    leaseID: LeaseID, outcome: SettleOutcome, result: RawJSON? = nil, error: JobFailure? = nil, retryable: Bool = true,
    reason: String? = nil, delaySeconds: Double? = nil, begun: Bool = true
  ) {
    self.leaseID = leaseID
    self.outcome = outcome
    self.result = result
    self.error = error
    self.retryable = retryable
    self.reason = reason
    self.delaySeconds = delaySeconds
    self.begun = begun
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("lease_id", leaseID)
      writer.field("outcome", outcome.rawValue)
      if let result { writer.field("result", result) }
      if let error { writer.field("error", error) }
      if !retryable { writer.field("retryable", false) }
      if let reason { writer.field("reason", reason) }
      if let delaySeconds { writer.field("delay_seconds", delaySeconds) }
      if !begun { writer.field("begun", false) }
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var leaseID: LeaseID?
    var outcome: SettleOutcome?
    self.init(leaseID: .withheld, outcome: .done)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "lease_id": leaseID = try reader.value()
      case "outcome": outcome = try reader.word()
      case "result": result = try reader.optional { reader throws(JSONError) in try reader.raw() }
      case "error": error = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "retryable": retryable = try reader.optional { reader throws(JSONError) in try reader.bool() } ?? true
      case "reason":
        reason = try reader.optional { reader throws(JSONError) in
          try reader.string().prefix(utf8Bytes: Self.maximumReasonBytes)
        }
      case "delay_seconds": delaySeconds = try reader.optional { reader throws(JSONError) in try reader.delay() }
      case "begun": begun = try reader.optional { reader throws(JSONError) in try reader.bool() } ?? true
      default: try reader.skip()
      }
    }
    guard let leaseID else { throw JSONError(field: "lease_id", expected: "given") }
    guard let outcome else { throw JSONError(field: "outcome", expected: "given: how the attempt ended") }
    self.leaseID = leaseID
    self.outcome = outcome
  }
}

/// The body of `POST /leases/settle`.
public struct SettleRequest: Sendable, JSONEncodable, JSONDecodable {
  /// The most results of one request.
  public static let maximumResults = 10_000

  public var results: [Settlement]

  public init(results: [Settlement]) { self.results = results }

  public func write(to writer: inout JSONWriter) {
    writer.object { $0.field("results", results) }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var results: [Settlement]?
    try reader.object { key, reader throws(JSONError) in
      guard key == "results" else { return try reader.skip() }
      var read: [Settlement] = []
      try reader.array { reader throws(JSONError) in
        guard read.count < Self.maximumResults else {
          throw JSONError(expected: "the last of at most \(Self.maximumResults) results")
        }
        read.append(try Settlement(from: &reader))
      }
      results = read
    }
    guard let results else { throw JSONError(field: "results", expected: "given: an array of results") }
    self.results = results
  }
}

/// The answer to `POST /leases/settle`, in the order of the request.
public struct SettleReply: Sendable, JSONEncodable, JSONDecodable {
  public struct Result: Sendable, Hashable, JSONEncodable, JSONDecodable {
    public var leaseID: LeaseID
    public var status: SettleStatus

    public init(leaseID: LeaseID, status: SettleStatus) {
      self.leaseID = leaseID
      self.status = status
    }

    public func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("lease_id", leaseID)
        writer.field("status", status.rawValue)
      }
    }

    public init(from reader: inout JSONReader) throws(JSONError) {
      self.init(leaseID: .withheld, status: .lost)
      try reader.object { key, reader throws(JSONError) in
        switch key {
        case "lease_id": leaseID = try reader.value()
        case "status": status = try reader.word()
        default: try reader.skip()
        }
      }
    }
  }

  public var results: [Result]

  public init(results: [Result]) { self.results = results }

  public func write(to writer: inout JSONWriter) {
    writer.object { $0.field("results", results) }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    var results: [Result] = []
    try reader.object { key, reader throws(JSONError) in
      if key == "results" { results = try reader.values() } else { try reader.skip() }
    }
    self.results = results
  }
}
