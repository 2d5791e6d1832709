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
    #if os(Linux)
      guard let namespace = ownNamespace(), let own = ProcessEntry.read(getpid()) else { return nil }
      return WorkerMark(namespace: namespace, process: own.pid, startedAt: String(own.id.startedAt))
    #else
      return nil
    #endif
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
    guard namespace == own.namespace else { return false }
    #if os(Linux)
      guard let found = ProcessEntry.read(process) else { return ProcessEntry.isUnused(process) }
      return found.isZombie || String(found.id.startedAt) != startedAt
    #else
      return false
    #endif
  }

  private static func ownNamespace() -> String? {
    guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid") else { return nil }
    return link.filter(\.isNumber)
  }
}
