#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Says in a program's environment which worker process started it, so that another worker on the machine can tell
/// whether that one is still alive.
///
/// Process numbers are used again, so the time of the start belongs to it; and they mean something only within one
/// process namespace, so that does, too: a worker on a host must not judge the programs of one in a container.
struct WorkerMark: Sendable, Equatable {
  static let variable = "BATON_WORKER_PROCESS"

  let namespace: String
  let process: Int32
  let startedAt: String

  /// The mark of this process; nil where there is no `/proc`.
  static func ofThisProcess() -> WorkerMark? {
    let process = getpid()
    guard let namespace = ownNamespace(), let startedAt = startTime(of: process) else { return nil }
    return WorkerMark(namespace: namespace, process: process, startedAt: startedAt)
  }

  init(namespace: String, process: Int32, startedAt: String) {
    self.namespace = namespace
    self.process = process
    self.startedAt = startedAt
  }

  /// Reads what ``text`` has written.
  init?(_ text: String) {
    let parts = text.split(separator: "/")
    guard parts.count == 3, let process = Int32(parts[1]) else { return nil }
    self.init(namespace: String(parts[0]), process: process, startedAt: String(parts[2]))
  }

  var text: String { "\(namespace)/\(process)/\(startedAt)" }

  /// Whether the worker has certainly ended; false when it cannot be judged from here.
  func hasEnded(seenFrom own: WorkerMark) -> Bool {
    namespace == own.namespace && Self.startTime(of: process) != startedAt
  }

  private static func ownNamespace() -> String? {
    guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid") else { return nil }
    return link.filter(\.isNumber)
  }

  /// In ticks since the start of the machine; nil when there is no such process, or it has ended.
  private static func startTime(of process: Int32) -> String? {
    guard let stat = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return nil }
    // The program's name, in parentheses, may hold anything; what follows it starts with the third field.
    let text = String(decoding: stat, as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    return String(fields[19])
  }
}
