import BatonJSON

/// The body of `POST /workers/{id}/heartbeat`.
public struct Heartbeat: Sendable, JSONEncodable, JSONDecodable {
  public struct Lease: Sendable, Hashable, JSONEncodable, JSONDecodable {
    public var leaseID: LeaseID
    public var progress: JobSnapshot.Progress?

    public init(leaseID: LeaseID, progress: JobSnapshot.Progress? = nil) {
      self.leaseID = leaseID
      self.progress = progress
    }

    public func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("lease_id", leaseID)
        if let progress { writer.field("progress", progress) }
      }
    }

    public init(from reader: inout JSONReader) throws(JSONError) {
      var leaseID: LeaseID?
      var progress: JobSnapshot.Progress?
      try reader.object { key, reader throws(JSONError) in
        switch key {
        case "lease_id": leaseID = try reader.value()
        case "progress": progress = try reader.optional { reader throws(JSONError) in try reader.value() }
        default: try reader.skip()
        }
      }
      guard let leaseID else { throw JSONError(field: "lease_id", expected: "given") }
      self.init(leaseID: leaseID, progress: progress)
    }
  }

  /// The most leases of one heartbeat.
  public static let maximumLeases = 100_000

  /// `active`, `draining`, or `gone` as the last word of all.
  public var state: WorkerState
  public var interruption: InterruptionReport?
  public var leases: [Lease]

  public init(state: WorkerState, interruption: InterruptionReport? = nil, leases: [Lease]) {
    self.state = state
    self.interruption = interruption
    self.leases = leases
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("state", state.rawValue)
      if let interruption { writer.field("interruption", interruption) }
      writer.field("leases", leases)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(state: .active, leases: [])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "state":
        state = try reader.word()
      case "interruption": interruption = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "leases":
        var leases: [Lease] = []
        try reader.array { reader throws(JSONError) in
          guard leases.count < Self.maximumLeases else {
            throw JSONError(expected: "the last of at most \(Self.maximumLeases) leases")
          }
          leases.append(try Lease(from: &reader))
        }
        self.leases = leases
      default: try reader.skip()
      }
    }
  }
}

/// An interruption that a worker was told of.
public struct InterruptionReport: Sendable, Hashable, JSONEncodable, JSONDecodable {
  /// Where the word came from, such as `ec2_spot`, `sigterm`, `operator` or `simulated`.
  public var source: String
  /// What will be done to the instance: `terminate`, `stop`, `hibernate`, `rebalance` or `drain`.
  public var action: String
  /// Seconds until then, if known.
  public var secondsLeft: Double?

  public init(source: String, action: String, secondsLeft: Double?) {
    self.source = source
    self.action = action
    self.secondsLeft = secondsLeft
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("source", source)
      writer.field("action", action)
      writer.field("seconds_left", secondsLeft)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(source: "unknown", action: "unknown", secondsLeft: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "source": source = try reader.text(atMost: 64)
      case "action": action = try reader.text(atMost: 64)
      case "seconds_left": secondsLeft = try reader.optional { reader throws(JSONError) in try reader.double() }
      default: try reader.skip()
      }
    }
  }
}

/// The answer to a heartbeat.
public struct HeartbeatReply: Sendable, JSONEncodable, JSONDecodable {
  public struct Lease: Sendable, Hashable, JSONEncodable, JSONDecodable {
    public var leaseID: LeaseID
    public var status: LeaseStatus

    public init(leaseID: LeaseID, status: LeaseStatus) {
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
      self.init(leaseID: .withheld, status: .held)
      try reader.object { key, reader throws(JSONError) in
        switch key {
        case "lease_id": leaseID = try reader.value()
        case "status": status = try reader.word()
        default: try reader.skip()
        }
      }
    }
  }

  /// Whether the worker is to drain.
  public var drain: Bool
  public var leases: [Lease]

  public init(drain: Bool, leases: [Lease]) {
    self.drain = drain
    self.leases = leases
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("drain", drain)
      writer.field("leases", leases)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(drain: false, leases: [])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "drain": drain = try reader.bool()
      case "leases": leases = try reader.values()
      default: try reader.skip()
      }
    }
  }
}
