import BatonJSON

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What EC2 says at `spot/instance-action`.
struct SpotInstanceAction: Sendable, Equatable {
  /// `terminate`, `stop` or `hibernate`.
  let action: String
  let time: Date

  /// Nil for anything else.
  init?(_ text: String) {
    var action: String?
    var time: String?
    do {
      var reader = try JSONReader(Array(text.utf8))
      try reader.object { key, reader throws(JSONError) in
        switch key {
        case "action": action = try reader.string()
        case "time": time = try reader.string()
        default: try reader.skip()
        }
      }
    } catch {
      return nil
    }
    guard let action, !action.isEmpty, action.utf8.count <= 64, let date = time.flatMap(CloudDate.rfc3339) else {
      return nil
    }
    self.action = action
    self.time = date
  }

  /// Seconds from `now`.
  func secondsLeft(at now: Date) -> Double { max(0, time.timeIntervalSince(now)) }
}
