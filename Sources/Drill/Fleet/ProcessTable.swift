#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The system's processes, where it shows them in `/proc`; elsewhere there seem to be none.
enum ProcessTable {
  /// Whether the system shows them.
  static var isShown: Bool { contents("/proc/self/status") != nil }

  /// The processes that this one has started.
  static func children(of parent: Int32) -> [Int32] {
    pids().filter { pid in
      guard let text = contents("/proc/\(pid)/stat"), let end = text.lastIndex(of: UInt8(ascii: ")")) else {
        return false
      }
      // The program's name, in parentheses, may hold anything; then come the state and the parent.
      let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
      return fields.count > 1 && Int32(String(decoding: fields[1], as: UTF8.self)) == parent
    }
  }

  /// The processes that were started with this variable.
  static func carrying(_ name: String, _ value: String) -> [Int32] {
    let wanted = Array("\(name)=\(value)".utf8)
    return pids().filter { pid in
      contents("/proc/\(pid)/environ")?.split(separator: 0).contains { $0.elementsEqual(wanted) } ?? false
    }
  }

  enum Memory: String {
    case now = "VmRSS:"
    /// The most that it ever had.
    case peak = "VmHWM:"
  }

  /// What a process has in memory, in megabytes; nil where that is not to be had.
  static func megabytes(of pid: Int32, _ memory: Memory) -> Double? {
    guard let bytes = contents("/proc/\(pid)/status") else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix(memory.rawValue) {
      return Double(line.filter(\.isNumber)).map { $0 / 1024 }
    }
    return nil
  }

  private static func contents(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path).map { Array($0) }
  }

  private static func pids() -> [Int32] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
  }
}
