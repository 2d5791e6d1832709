import BatonJSON

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A place in EC2's metadata where news can be.
protocol EC2Signal: Sendable {
  /// Below `/latest/meta-data/`.
  var path: String { get }
  /// What its events name as their source.
  var source: String { get }
  /// What the text says, none if it says that all is well; nil when it is not understood.
  func events(in text: String, at now: Date) -> [InterruptionEvent]?
}

extension EC2Signal {
  fileprivate func event(_ kind: InterruptionEvent.Kind, _ action: String, _ secondsLeft: Double?) -> InterruptionEvent
  {
    InterruptionEvent(
      kind: kind, notice: InterruptionNotice(source: source, action: action, secondsLeft: secondsLeft))
  }
}

/// The spot interruption notice.
struct SpotActionSignal: EC2Signal {
  let path = "spot/instance-action"
  let source = "ec2_spot"

  func events(in text: String, at now: Date) -> [InterruptionEvent]? {
    SpotInstanceAction(text).map { [event(.spotNotice, $0.action, $0.secondsLeft(at: now))] }
  }
}

/// The notice as it was before there was ``SpotActionSignal``; asked only where that one is absent.
///
/// It may hold something that is no instant, or an instant long past of an interruption that never came: neither is
/// believed.
struct TerminationTimeSignal: EC2Signal {
  let path = "spot/termination-time"
  let source = "ec2_spot"

  func events(in text: String, at now: Date) -> [InterruptionEvent]? {
    guard let time = CloudDate.rfc3339(text.trimmed) else { return [] }
    let left = time.timeIntervalSince(now)
    return left > 0 ? [event(.spotNotice, "terminate", left)] : []
  }
}

/// The recommendation to rebalance: an elevated risk, not a decision.
struct RebalanceSignal: EC2Signal {
  let path = "events/recommendations/rebalance"
  let source = "ec2_rebalance"

  func events(in text: String, at now: Date) -> [InterruptionEvent]? {
    var isThere = false
    do {
      var reader = try JSONReader(Array(text.utf8))
      try reader.object { key, reader throws(JSONError) in
        if key == "noticeTime" { isThere = CloudDate.rfc3339(try reader.string()) != nil } else { try reader.skip() }
      }
    } catch {
      return nil
    }
    return isThere ? [event(.rebalance, "rebalance", nil)] : nil
  }
}

/// The state that the Auto Scaling group wants the instance to be in.
///
/// An instance on its way back to a warm pool is as good as gone for its jobs: it is stopped or hibernated there. One
/// that the pool keeps running (`Warmed:Running`), in standby or detached may go on.
struct LifecycleStateSignal: EC2Signal {
  let path = "autoscaling/target-lifecycle-state"
  let source = "ec2_lifecycle"

  func events(in text: String, at now: Date) -> [InterruptionEvent]? {
    switch text.trimmed {
    case "Terminated", "Warmed:Terminated": [event(.lifecycleState, "terminate", nil)]
    case "Warmed:Stopped": [event(.lifecycleState, "stop", nil)]
    case "Warmed:Hibernated": [event(.lifecycleState, "hibernate", nil)]
    default: []
    }
  }
}

/// Maintenance that is planned for the machine: a reboot, a stop, a retirement.
struct MaintenanceSignal: EC2Signal {
  let path = "events/maintenance/scheduled"
  let source = "ec2_maintenance"

  func events(in text: String, at now: Date) -> [InterruptionEvent]? {
    var events: [InterruptionEvent] = []
    do {
      var reader = try JSONReader(Array(text.utf8))
      try reader.array { reader throws(JSONError) in
        if let found = try event(&reader, now) { events.append(found) }
      }
      try reader.end()
    } catch {
      return nil
    }
    return events
  }

  private func event(_ reader: inout JSONReader, _ now: Date) throws(JSONError) -> InterruptionEvent? {
    var code = ""
    var state = "active"
    var description = ""
    var notBefore: String?
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "Code": code = try reader.string()
      case "State": state = try reader.string()
      case "Description": description = reader.null() ? "" : try reader.string()
      case "NotBefore": notBefore = try reader.string()
      default: try reader.skip()
      }
    }
    guard state == "active", !description.hasPrefix("[Completed]"), !description.hasPrefix("[Canceled]"),
      let time = notBefore.flatMap(CloudDate.httpDate)
    else { return nil }
    let action =
      switch code {
      case "instance-reboot", "system-reboot": "reboot"
      case "instance-stop": "stop"
      case "instance-retirement": "retire"
      default: "maintenance"
      }
    return event(.scheduledMaintenance, action, max(0, time.timeIntervalSince(now)))
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
