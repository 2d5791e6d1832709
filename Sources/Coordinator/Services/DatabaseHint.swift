import BatonShared

/// What a notification of the database says.
///
/// Whoever has an account there can send one with anything in it. So it is a reason to look, and decides nothing.
enum DatabaseHint: Sendable, Equatable {
  /// There may be work in these queues; nil for any queue.
  case work(queues: Set<String>?)
  /// Something about a worker has changed.
  case worker(String)

  /// nil for what is none, and for what this coordinator has said itself.
  /// - Parameter sender: This coordinator's name, which stands in front of what it says.
  init?(channel: String, payload: String, sender: String) {
    // By bytes: for `Character`, a colon that an accent follows is none.
    guard let colon = payload.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    guard payload[..<colon] != sender else { return nil }
    let text = payload[payload.utf8.index(after: colon)...]
    switch channel {
    case JobStore.jobsChannel where text == "*":
      self = .work(queues: nil)
    case JobStore.jobsChannel:
      let queues = Set(
        text.utf8.split(separator: UInt8(ascii: ",")).map { String(Substring($0)) }.filter(Names.isValid))
      if queues.isEmpty { return nil }
      self = .work(queues: queues)
    case JobStore.workersChannel:
      guard Names.isValid(String(text)) else { return nil }
      self = .worker(String(text))
    default:
      return nil
    }
  }
}
