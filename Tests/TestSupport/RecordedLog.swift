import Logging

/// A log of all levels that keeps every line, its metadata included. Copies keep theirs in the same place, but each has
/// a level of its own: a worker quiets some of its parts.
public struct RecordedLog: LogHandler {
  public var logLevel = Logger.Level.trace
  public var metadata: Logger.Metadata = [:]
  private let kept = Kept<[String]>([])
  public var lines: [String] { kept.value }

  public init() {}

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    kept.change { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:]) \(event.error as Any)") }
  }
}
