public import Logging

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes each event as one whole line with one `write(2)`, so that lines of several threads never mix.
///
/// (The kernel promises that of pipes up to 4 KiB a line, and of files always.)
public struct BatonLogHandler: LogHandler {
  /// The least important level that is written.
  public var logLevel: Logger.Level
  /// Written with every event, unless the event itself has the same key.
  public var metadata: Logger.Metadata = [:]
  /// Asked at each event; what it provides yields to ``metadata`` and to the event's own.
  public var metadataProvider: Logger.MetadataProvider?

  private let label: String
  private let format: LogFormat
  private let descriptor: Int32
  private let now: @Sendable () -> Date

  /// Makes a handler.
  ///
  /// - Parameters:
  ///   - label: What the lines are labelled with.
  ///   - level: The least important level that is written.
  ///   - format: What a line looks like.
  ///   - descriptor: The open file that lines are written to, by default standard error. It is not closed.
  ///   - now: The clock.
  public init(
    label: String, level: Logger.Level, format: LogFormat, descriptor: Int32 = 2,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.label = label
    self.logLevel = level
    self.format = format
    self.descriptor = descriptor
    self.now = now
  }

  /// The value of one key of ``metadata``.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes the event. A line that cannot be written is lost; logging never fails its caller.
  public func log(event: LogEvent) {
    var all = metadataProvider?.get() ?? [:]
    all.merge(metadata) { $1 }
    if let more = event.metadata { all.merge(more) { $1 } }
    if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
    let line = LogLine(
      time: now(), level: event.level, label: label, message: event.message.description,
      metadata: all.sorted { $0.key < $1.key })
    write(line.rendered(as: format) + "\n")
  }

  private func write(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        #if canImport(Darwin)
          let written = Darwin.write(descriptor, rest.baseAddress, rest.count)
        #elseif canImport(Musl)
          let written = Musl.write(descriptor, rest.baseAddress, rest.count)
        #else
          let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
        #endif
        if written > 0 {
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        } else if written == 0 || errno != EINTR {
          return
        }
      }
    }
  }
}
