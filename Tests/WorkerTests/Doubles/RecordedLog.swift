import Logging

@testable import BatonWorker

/// A log of all levels that keeps every line, its metadata included. Copies keep theirs in the same place, but each has
/// a level of its own: the worker quiets some of its parts.
struct RecordedLog: LogHandler {
  var logLevel = Logger.Level.trace
  var metadata: Logger.Metadata = [:]
  private let kept = Watched<[String]>([])
  var lines: [String] { kept.value }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    kept.update { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:]) \(event.error as Any)") }
  }
}
