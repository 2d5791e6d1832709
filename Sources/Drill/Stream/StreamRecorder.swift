import BatonShared
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Writes the history of a drill with very many jobs into a file, and keeps only counts of it.
final class StreamRecorder: Sendable {
  private struct State {
    var accepted = 0
    var done = 0
    var rate = DoneRate()
    var unwritten: [UInt8] = []
  }

  /// What times are counted from, in seconds since 1970.
  let origin = WallClock.now
  let path: String
  private let descriptor: Int32
  private let state = Mutex(State())
  private static let bufferBytes = 64 << 10

  /// - Throws: `POSIXFailure` when the file cannot be written.
  init(path: String) throws {
    self.path = path
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw POSIXFailure(errno) }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Seconds since the drill's start.
  var now: Double { WallClock.now - origin }

  /// How many jobs have been accepted, and of how many workers were told that they are done.
  var counts: (accepted: Int, done: Int) { state.withLock { ($0.accepted, $0.done) } }

  /// Jobs done in a second.
  func doneRate(from start: Double, to end: Double) -> Double { state.withLock { $0.rate.rate(from: start, to: end) } }

  func record(_ event: StreamEvent) {
    let entry = StreamEntry(at: now, event: event)
    let line = Array(entry.line.utf8)
    state.withLock { state in
      switch event {
      case .accepted(let ids): state.accepted += ids.count
      case .told(_, _, "done"):
        state.done += 1
        state.rate.add(at: entry.at)
      default: break
      }
      state.unwritten += line
      state.unwritten.append(UInt8(ascii: "\n"))
      if state.unwritten.count >= Self.bufferBytes { flush(&state) }
    }
  }

  /// Takes in what the parts of a fleet say of themselves.
  func note(_ event: HistoryEvent) {
    switch event {
    case .told(_, let job, let attempt, let word):
      if let id = JobID(job) { record(.told(id, attempt: attempt, word)) }
    case .programEnded(let program, let ending, let demand): record(.programEnded(program, ending, demand))
    case .late(let seconds): record(.late(seconds: seconds))
    default: break
    }
  }

  /// Writes what is still in memory.
  func flush() { state.withLock { flush(&$0) } }

  private func flush(_ state: inout State) {
    var start = 0
    while start < state.unwritten.count {
      let count = state.unwritten.withUnsafeBytes { write(descriptor, $0.baseAddress! + start, $0.count - start) }
      guard count > 0 else { break }
      start += count
    }
    state.unwritten.removeAll(keepingCapacity: true)
  }
}
