import BatonTestSupport
import Foundation

/// How much memory a program takes up.
enum ResidentMemory {
  /// Now, in bytes, as it says itself.
  static func now(of process: RunningProcess) async throws -> Int {
    let name = "process_resident_memory_bytes "
    let metrics = try await call("GET", process.address + "/metrics", timeout: .seconds(30)).text
    guard let line = metrics.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
      let bytes = Double(line.dropFirst(name.count))
    else { throw StoryFailure("\(process.name) does not say how much memory it takes up") }
    return Int(bytes)
  }

  /// The most while something goes on, in bytes: of what it says again and again, and where the system remembers the
  /// most since the start, not less than that.
  static func most(of process: RunningProcess, while body: () async throws -> Void) async throws -> Int {
    let isOver = Kept(false)
    return try await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask {
        var most = 0
        repeat { most = max(most, try await now(of: process)) } while !isOver.value
        return most
      }
      defer { isOver.change { $0 = true } }
      try await body()
      isOver.change { $0 = true }
      return max(try await group.next() ?? 0, highest(of: process) ?? 0)
    }
  }

  private static func highest(of process: RunningProcess) -> Int? {
    let data = process.pid.flatMap { FileManager.default.contents(atPath: "/proc/\($0)/status") }
    let line = String(decoding: data ?? Data(), as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
  }
}
