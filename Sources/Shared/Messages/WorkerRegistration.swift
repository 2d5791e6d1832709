import BatonJSON

/// What a worker says of itself: the body of `PUT /workers/{id}`.
public struct WorkerRegistration: Sendable, Hashable {
  public var hostname: String?
  public var instanceID: String?
  public var instanceType: String?
  public var availabilityZone: String?
  public var capacityType: CapacityType
  /// `aws`, `gcp`, `azure` or nothing.
  public var provider: String?
  public var queues: [String]
  /// The kinds of job it takes; empty for all.
  public var kinds: [String]
  /// How many jobs it runs at once.
  public var slots: Int
  public var version: String?

  public init(
    hostname: String? = nil, instanceID: String? = nil, instanceType: String? = nil, availabilityZone: String? = nil,
    capacityType: CapacityType = .unknown, provider: String? = nil, queues: [String] = ["default"],
    kinds: [String] = [], slots: Int = 1, version: String? = nil
  ) {
    self.hostname = hostname
    self.instanceID = instanceID
    self.instanceType = instanceType
    self.availabilityZone = availabilityZone
    self.capacityType = capacityType
    self.provider = provider
    self.queues = queues
    self.kinds = kinds
    self.slots = slots
    self.version = version
  }
}

extension WorkerRegistration: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("hostname", hostname)
      writer.field("instance_id", instanceID)
      writer.field("instance_type", instanceType)
      writer.field("availability_zone", availabilityZone)
      writer.field("capacity_type", capacityType.rawValue)
      writer.field("provider", provider)
      writer.field("queues", queues)
      writer.field("kinds", kinds)
      writer.field("slots", slots)
      writer.field("version", version)
    }
  }

  /// Reads a registration; unknown fields are passed over, so that fleets can be upgraded in any order.
  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init()
    func text(_ reader: inout JSONReader) throws(JSONError) -> String? {
      try reader.optional { reader throws(JSONError) in try reader.text(atMost: 256) }
    }
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "hostname": hostname = try text(&reader)
      case "instance_id": instanceID = try text(&reader)
      case "instance_type": instanceType = try text(&reader)
      case "availability_zone": availabilityZone = try text(&reader)
      case "capacity_type": capacityType = try reader.word()
      case "provider": provider = try text(&reader)
      case "queues": queues = try reader.names()
      case "kinds": kinds = try reader.optional { reader throws(JSONError) in try reader.names() } ?? []
      case "slots": slots = try reader.int(in: 1...100_000)
      case "version": version = try text(&reader)
      default: try reader.skip()
      }
    }
  }
}

/// The answer to `PUT /workers/{id}`.
public struct RegistrationReceipt: Sendable, Hashable, JSONEncodable, JSONDecodable {
  /// How long a lease lasts without renewal.
  public var leaseTTLSeconds: Double
  /// How often the worker is to renew.
  public var heartbeatSeconds: Double

  public init(leaseTTLSeconds: Double, heartbeatSeconds: Double) {
    self.leaseTTLSeconds = leaseTTLSeconds
    self.heartbeatSeconds = heartbeatSeconds
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("lease_ttl_seconds", leaseTTLSeconds)
      writer.field("heartbeat_seconds", heartbeatSeconds)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(leaseTTLSeconds: 30, heartbeatSeconds: 10)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "lease_ttl_seconds": leaseTTLSeconds = try reader.double()
      case "heartbeat_seconds": heartbeatSeconds = try reader.double()
      default: try reader.skip()
      }
    }
  }
}

/// A worker as `GET /workers` shows it.
public struct WorkerSnapshot: Sendable, JSONEncodable, JSONDecodable {
  public var id: String
  public var registration: WorkerRegistration
  public var state: WorkerState
  public var leases: Int
  public var lastHeartbeatAt: Instant
  public var registeredAt: Instant
  /// The interruption it was told of, if any.
  public var interruption: InterruptionReport?

  public init(
    id: String, registration: WorkerRegistration, state: WorkerState, leases: Int, lastHeartbeatAt: Instant,
    registeredAt: Instant, interruption: InterruptionReport?
  ) {
    self.id = id
    self.registration = registration
    self.state = state
    self.leases = leases
    self.lastHeartbeatAt = lastHeartbeatAt
    self.registeredAt = registeredAt
    self.interruption = interruption
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("id", id)
      writer.field("hostname", registration.hostname)
      writer.field("instance_id", registration.instanceID)
      writer.field("instance_type", registration.instanceType)
      writer.field("availability_zone", registration.availabilityZone)
      writer.field("capacity_type", registration.capacityType.rawValue)
      writer.field("provider", registration.provider)
      writer.field("queues", registration.queues)
      writer.field("kinds", registration.kinds)
      writer.field("version", registration.version)
      writer.field("state", state.rawValue)
      writer.field("slots", registration.slots)
      writer.field("leases", leases)
      writer.field("last_heartbeat_at", lastHeartbeatAt)
      writer.field("registered_at", registeredAt)
      writer.field("interruption", interruption)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    let start = reader
    self.init(
      id: "", registration: try reader.value(), state: .active, leases: 0,
      lastHeartbeatAt: Instant(microseconds: 0), registeredAt: Instant(microseconds: 0), interruption: nil)
    reader = start
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "id": id = try reader.string()
      case "state": state = try reader.word()
      case "leases": leases = try reader.int()
      case "last_heartbeat_at": lastHeartbeatAt = try reader.value()
      case "registered_at": registeredAt = try reader.value()
      case "interruption": interruption = try reader.optional { reader throws(JSONError) in try reader.value() }
      default: try reader.skip()
      }
    }
  }
}

/// A page of `GET /workers`.
public struct WorkerList: Sendable, JSONEncodable, JSONDecodable {
  public var workers: [WorkerSnapshot]
  /// Continues the list when given as `cursor`; nil on its last page.
  public var nextCursor: String?

  public init(workers: [WorkerSnapshot], nextCursor: String? = nil) {
    self.workers = workers
    self.nextCursor = nextCursor
  }

  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("workers", workers)
      writer.field("next_cursor", nextCursor)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(workers: [])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "workers": workers = try reader.values()
      case "next_cursor": nextCursor = try reader.optional { reader throws(JSONError) in try reader.string() }
      default: try reader.skip()
      }
    }
  }
}
