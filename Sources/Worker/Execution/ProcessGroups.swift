import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The process groups of the jobs' programs that are alive, so that none outlives the worker.
final class ProcessGroups: Sendable {
  private let leaders = Mutex<Set<pid_t>>([])

  func insert(_ leader: pid_t) { leaders.withLock { _ = $0.insert(leader) } }
  func remove(_ leader: pid_t) { leaders.withLock { _ = $0.remove(leader) } }

  /// Ends all of them at once.
  func killAll() {
    for leader in leaders.withLock({ $0 }) { Self.signal(SIGKILL, group: leader) }
  }

  /// Signals every process of a group. Only while its leader has not been reaped: after that the number may be
  /// somebody else's.
  static func signal(_ signal: Int32, group leader: pid_t) {
    guard leader > 1 else { return }
    _ = kill(-leader, signal)
  }
}
