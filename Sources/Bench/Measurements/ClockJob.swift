import BatonJSON
import BatonShared
import Subprocess

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A job that writes down when it starts and when it is told to stop: a shell script under the kind `exec`.
///
/// Its times, the database's and the benchmark's come from one machine's clock, so they may be compared.
struct ClockJob: Sendable {
  /// What the script wrote.
  enum Line: Sendable, Equatable {
    /// Its process, and when its first command ran.
    case started(pid: Int32, at: Double)
    case stopped(at: Double)
  }

  private static let script = #"""
    trap 'date "+stop 0 %s.%N" >>"$CLOCK_FILE"; exit 75' TERM
    date "+start $$ %s.%N" >>"$CLOCK_FILE"
    while :; do sleep 60 & wait $!; done
    """#

  let file: String

  init() {
    file = "/tmp/baton-bench-" + String(UInt64.random(in: .min ... .max), radix: 36)
  }

  /// Asked to stop, it saves nothing and goes at once.
  func submission(queue: String) -> JobSubmission {
    var payload = JSONWriter()
    payload.object { writer in
      writer.key("command")
      writer.array(["sh", "-c", Self.script])
      writer.field("env", object: { $0.field("CLOCK_FILE", file) })
    }
    return JobSubmission(
      kind: "exec", payload: RawJSON(trusted: payload.bytes), queue: queue, maxLosses: 1000,
      onInterruption: .checkpoint)
  }

  /// How long the script takes from being run to its first word, with nothing of Baton's in between; milliseconds.
  static func startAlone(times: Int) async throws -> [Double] {
    var found: [Double] = []
    for _ in 0..<times {
      let began = wallClock()
      let result = try await Subprocess.run(
        .name("sh"), arguments: ["-c", #"date "+start $$ %s.%N""#], output: .string(limit: 256))
      guard case .started(_, let time)? = parse(result.standardOutput).first else {
        throw BenchError("sh and date do not tell the time as GNU's do")
      }
      found.append((time - began) * 1000)
    }
    return found
  }

  /// All that it has written so far; times in seconds since 1970.
  func lines() -> [Line] {
    guard let data = FileManager.default.contents(atPath: file) else { return [] }
    return Self.parse(String(decoding: data, as: UTF8.self))
  }

  static func parse(_ text: String) -> [Line] {
    text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap { line in
      let words = line.split(separator: " ")
      guard words.count == 3, let pid = Int32(words[1]), let time = Double(words[2]) else { return nil }
      return words[0] == "start" ? .started(pid: pid, at: time) : .stopped(at: time)
    }
  }

  /// Waits until it has been started so many times.
  func waitForStart(_ count: Int, within limit: Duration = .seconds(60)) async throws -> (pid: Int32, at: Double) {
    var found: [(pid: Int32, at: Double)] = []
    try await waitUntil("start \(count) of the job", within: limit) {
      found = lines().compactMap { if case .started(let pid, let time) = $0 { (pid, time) } else { nil } }
      return found.count >= count
    }
    return found[count - 1]
  }

  func remove() { unlink(file) }
}

/// The wall clock, in seconds since 1970.
func wallClock() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
