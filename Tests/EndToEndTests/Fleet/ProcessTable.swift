#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The system's processes, by the environment that they were started with.
enum ProcessTable {
  /// Whether this system lets one look.
  static let isAvailable = FileManager.default.fileExists(atPath: "/proc/self/environ")

  /// The processes that were started with this variable; those that have ended and wait to be reaped are not among
  /// them.
  static func carrying(_ name: String, _ value: String) -> [Int32] {
    let wanted = Array("\(name)=\(value)".utf8)
    return pids().filter { pid in
      guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else { return false }
      return environment.split(separator: 0).contains { $0.elementsEqual(wanted) }
    }
  }

  /// What each process is, for a message.
  static func describe(_ pids: [Int32]) -> String {
    pids.map { pid in
      let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline").map { data in
        String(decoding: data.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
      }
      return "\(pid) \(command ?? "")"
    }.joined(separator: "; ")
  }

  private static func pids() -> [Int32] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
  }
}
