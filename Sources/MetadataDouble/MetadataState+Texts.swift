import BatonJSON

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension MetadataState {
  /// What EC2 says at a path below `/latest/meta-data/`; nil for nothing.
  func ec2Text(_ path: String, at now: Date) -> String? {
    if let value = script.values[path] { return value }
    switch path {
    case "spot/instance-action":
      return notice(at: now).map { notice in
        #"{"action":"\#(notice.action)","time":"\#(MetadataDouble.rfc3339(notice.time))"}"#
      }
    case "spot/termination-time":
      return notice(at: now).flatMap { $0.action == "terminate" ? MetadataDouble.rfc3339($0.time) : nil }
    case "events/recommendations/rebalance":
      return script.rebalance ? #"{"noticeTime":"\#(MetadataDouble.rfc3339(now))"}"# : nil
    case "autoscaling/target-lifecycle-state":
      return script.lifecycleState
    case "events/maintenance/scheduled":
      guard let (code, time) = maintenance() else { return "[]" }
      let (from, until) = (MetadataDouble.httpDate(time), MetadataDouble.httpDate(time + 3600))
      return #"[{"NotBefore":"\#(from)","Code":"\#(code)","Description":"scheduled","EventId":"instance-event-0","#
        + #""NotAfter":"\#(until)","State":"active"}]"#
    default:
      return nil
    }
  }

  /// What Google Cloud says at a path below `/computeMetadata/v1/`; nil for nothing.
  func gcpText(_ path: String, at now: Date) -> String? {
    if let value = script.values[path] { return value }
    return path == "instance/preempted" ? notice(at: now) == nil ? "FALSE" : "TRUE" : nil
  }

  /// What Azure says at a path below `/metadata/`; nil for nothing.
  func azureText(_ document: String, at now: Date) -> String? {
    var writer = JSONWriter()
    switch document {
    case "instance":
      writer.object { writer in
        writer.field(
          "compute",
          object: { writer in
            for (key, value) in script.values.sorted(by: { $0.key < $1.key }) where key != "scheduledevents" {
              writer.field(key, value)
            }
          })
      }
    case "scheduledevents":
      if let value = script.values["scheduledevents"] { return value }
      let notice = notice(at: now)
      // A new document when the notice appears.
      let incarnation = incarnation * 2 + (notice == nil ? 0 : 1)
      writer.object { writer in
        writer.field("DocumentIncarnation", incarnation)
        writer.key("Events")
        writer.array { writer in
          guard let notice else { return }
          writer.object { writer in
            writer.field("EventId", "f020ba2e-3bc0-4c40-a10b-86575a9eabd5")
            writer.field("EventType", notice.action == "terminate" ? "Preempt" : notice.action)
            writer.field("ResourceType", "VirtualMachine")
            writer.field("Resources", [script.values["name"] ?? ""])
            writer.field("EventStatus", notice.time > now ? "Scheduled" : "Started")
            writer.field("NotBefore", notice.time > now ? "Mon, " + MetadataDouble.httpDate(notice.time) : "")
          }
        }
      }
    default: return nil
    }
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

extension MetadataDouble {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// An instant as EC2 writes it, so many seconds from now.
  public static func rfc3339(secondsFromNow seconds: Double) -> String { rfc3339(Date() + seconds) }

  /// `2017-09-18T08:22:00Z`.
  static func rfc3339(_ date: Date) -> String { date.formatted(Date.ISO8601FormatStyle()) }

  /// `21 Jan 2019 09:00:43 GMT`.
  static func httpDate(_ date: Date) -> String {
    // 2019-01-21T09:00:43Z, in words.
    let text = rfc3339(date)
    let parts = text.dropLast().split(separator: "T")
    let day = parts[0].split(separator: "-")
    return "\(day[2]) \(months[(Int(day[1]) ?? 1) - 1]) \(day[0]) \(parts[1]) GMT"
  }
}
