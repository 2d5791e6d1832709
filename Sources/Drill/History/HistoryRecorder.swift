import BatonJSON
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Keeps the history of a drill, in memory and in a file that has every event as soon as it is known.
final class HistoryRecorder: Sendable {
  /// What times are counted from, in seconds since 1970.
  let origin = WallClock.now
  private let descriptor: Int32
  private let kept = Mutex<[HistoryEntry]>([])

  /// - Throws: `POSIXFailure` when the file cannot be written.
  init(path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw POSIXFailure(errno) }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Seconds since the drill's start.
  var now: Double { WallClock.now - origin }

  var entries: [HistoryEntry] { kept.withLock { $0 } }

  /// What has been recorded since then, but for what was recorded late.
  func latest(from start: Double) -> [HistoryEntry] {
    kept.withLock { kept in Array(kept.reversed().prefix { $0.at >= start }) }
  }

  /// - Parameter at: When it happened; now if nil.
  func record(_ event: HistoryEvent, at: Double? = nil) {
    let entry = HistoryEntry(at: at ?? now, event: event)
    let line = entry.json + [UInt8(ascii: "\n")]
    kept.withLock { kept in
      kept.append(entry)
      _ = write(descriptor, line, line.count)
    }
  }
}
