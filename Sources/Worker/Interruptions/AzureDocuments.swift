import BatonJSON
import BatonShared

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What Azure says at `/metadata/scheduledevents`.
struct AzureScheduledEvents: Sendable, Equatable {
  struct Event: Sendable, Equatable {
    /// `Preempt`, `Terminate`, `Reboot`, `Redeploy` or `Freeze`.
    var type: String
    /// The names of the machines that it is about.
    var resources: [String]
    /// When it begins at the earliest; nil when it has begun.
    var notBefore: Date?
  }

  /// What its interruptions name as their source.
  static let sources: Set<String> = ["azure_preempt", "azure_terminate", "azure_reboot", "azure_redeploy"]

  var incarnation: Int
  var events: [Event]

  /// Nil for anything else.
  init?(_ text: String) {
    var incarnation: Int?
    var events: [Event] = []
    do {
      var reader = try JSONReader(Array(text.utf8))
      try reader.object { key, reader throws(JSONError) in
        switch key {
        case "DocumentIncarnation": incarnation = try reader.int()
        case "Events":
          if reader.null() { return }
          try reader.array { reader throws(JSONError) in
            if let event = try Self.event(&reader) { events.append(event) }
          }
        default: try reader.skip()
        }
      }
      try reader.end()
    } catch {
      return nil
    }
    guard let incarnation else { return nil }
    self.incarnation = incarnation
    self.events = events
  }

  /// Nil for one that is over, or whose time is not understood.
  private static func event(_ reader: inout JSONReader) throws(JSONError) -> Event? {
    var event = Event(type: "", resources: [])
    var status = ""
    var time = ""
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "EventType": event.type = try reader.string()
      case "EventStatus": status = try reader.string()
      case "Resources":
        if reader.null() { return }
        try reader.array { reader throws(JSONError) in event.resources.append(try reader.string()) }
      case "NotBefore": time = reader.null() ? "" : try reader.string()
      default: try reader.skip()
      }
    }
    if status == "Completed" || status == "Canceled" { return nil }
    if !time.isEmpty {
      guard let date = CloudDate.httpDate(time) ?? CloudDate.rfc3339(time) else { return nil }
      event.notBefore = date
    }
    return event
  }

  /// The events that take this machine away. Azure's names differ in case only by accident.
  func interruptions(of machine: String, at now: Date) -> [InterruptionEvent] {
    events.compactMap { event in
      guard event.resources.contains(where: { $0.lowercased() == machine.lowercased() }) else { return nil }
      let kind: InterruptionEvent.Kind
      let action: String
      switch event.type {
      case "Preempt": (kind, action) = (.spotNotice, "terminate")
      case "Terminate": (kind, action) = (.lifecycleState, "terminate")
      case "Reboot": (kind, action) = (.scheduledMaintenance, "reboot")
      case "Redeploy": (kind, action) = (.scheduledMaintenance, "redeploy")
      default: return nil
      }
      let left = event.notBefore.map { max(0, $0.timeIntervalSince(now)) } ?? 0
      let source = "azure_" + event.type.lowercased()
      return InterruptionEvent(
        kind: kind, instance: machine, notice: InterruptionNotice(source: source, action: action, secondsLeft: left))
    }
  }
}

/// What Azure says at `/metadata/instance`.
struct AzureInstance: Sendable, Equatable {
  /// What scheduled events call the machine.
  var name: String
  var identity: InstanceIdentity

  /// Nil for anything else.
  init?(_ text: String) {
    var fields: [String: String] = [:]
    do {
      var reader = try JSONReader(Array(text.utf8))
      try reader.object { key, reader throws(JSONError) in
        guard key == "compute" else { return try reader.skip() }
        try reader.object { key, reader throws(JSONError) in
          guard reader.peekIsString else { return try reader.skip() }
          fields[key] = try reader.string()
        }
      }
      try reader.end()
    } catch {
      return nil
    }
    guard let name = fields["name"], !name.isEmpty else { return nil }
    self.name = name
    let capacityType: CapacityType =
      switch fields["priority"] {
      case "Spot", "Low": .spot
      // Absent in words for a machine at the usual price.
      case "Regular", "": .onDemand
      default: .unknown
      }
    let zone = fields["zone"].flatMap { $0.isEmpty ? nil : $0 }
    let location = fields["location"]
    identity = InstanceIdentity(
      instanceID: fields["vmId"], instanceType: fields["vmSize"],
      availabilityZone: location.map { place in zone.map { "\(place)-\($0)" } ?? place }, capacityType: capacityType,
      provider: "azure")
  }
}
