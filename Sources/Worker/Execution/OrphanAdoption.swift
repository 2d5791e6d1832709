import CLinuxProcess

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

/// What a worker process has to know that is the parent of what its jobs' programs leave behind.
struct OrphanAdoption: Sendable {
  /// What was there before: no job's, and nor is what it starts.
  var elders: Set<ProcessIdentity> = []
  /// Whether an orphan that shows no trace of a job may be somebody else's: below an elder, or, in the first process of
  /// a container, of a command that was run in it from outside.
  var sparesUnmarked = false
  /// Whether programs can be marked with a number that all their processes inherit.
  var marks = false

  /// Makes this process the parent of its descendants when theirs ends.
  /// - Returns: Nil where that cannot be had, as on any system other than Linux.
  static func begin() -> OrphanAdoption? {
    #if os(Linux)
      guard baton_adopt_orphans() == 0 else { return nil }
      let own = getpid()
      let entries = ProcessEntry.readAll()
      var adoption = OrphanAdoption()
      // Whoever replaced itself by this program may have had children.
      adoption.elders = Set(entries.filter { $0.parent == own }.map(\.id))
      adoption.sparesUnmarked = own == 1 || !adoption.elders.isEmpty
      adoption.marks = ProgramMark.isAvailable
      return adoption
    #else
      return nil
    #endif
  }
}

/// A number that a program and all that comes from it carry, whatever they do to their session and environment.
///
/// It is the soft limit on file locks, which has had no effect since Linux 2.4 and is inherited all the same. A program
/// that changes it on purpose gets rid of the mark, and then has to be told by its other traces.
enum ProgramMark {
  /// Has a bit that no real limit has, and the worker's number: a worker may be run by a job of another.
  static func limit(_ number: UInt32, of worker: pid_t) -> UInt64 {
    1 << 62 | UInt64(UInt32(bitPattern: worker) & 0x3FF_FFFF) << 32 | UInt64(number)
  }

  /// Whether this process can mark its children.
  static var isAvailable: Bool {
    guard let before = current() else { return false }
    defer { _ = baton_set_lock_limit(before) }
    let probe = limit(0, of: getpid())
    return baton_set_lock_limit(probe) == 0 && current() == probe
  }

  /// Marks the children that this process starts from now on.
  /// - Returns: What to undo it with.
  static func put(_ number: UInt32) -> UInt64? {
    guard let before = current() else { return nil }
    _ = baton_set_lock_limit(limit(number, of: getpid()))
    return before
  }

  static func undo(_ before: UInt64?) {
    if let before { _ = baton_set_lock_limit(before) }
  }

  /// The number that a process carries, if it comes from a program of this worker.
  static func number(of process: pid_t) -> UInt32? {
    guard let found = limit(of: process) else { return nil }
    let number = UInt32(truncatingIfNeeded: found)
    return found == limit(number, of: getpid()) ? number : nil
  }

  /// Whether a process carries this number, by one system call: for looking at all processes there are.
  static func isOn(_ process: pid_t, _ number: UInt32) -> Bool {
    var found: UInt64 = 0
    return baton_get_lock_limit(process, &found) == 0 && found == limit(number, of: getpid())
  }

  /// The worker whose program a process comes from, by its number in the same namespace, whether or not it still lives.
  static func worker(of process: pid_t) -> pid_t? {
    guard let found = limit(of: process), found >> 62 == 1 else { return nil }
    return pid_t(found >> 32 & 0x3FF_FFFF)
  }

  private static func limit(of process: pid_t) -> UInt64? {
    var found: UInt64 = 0
    // Of another user's process, root in a container may be told the other way only.
    return baton_get_lock_limit(process, &found) == 0 ? found : written(of: process)
  }

  /// The limit as anybody may read it in `/proc`.
  static func written(of process: pid_t) -> UInt64? {
    guard let limits = FileManager.default.contents(atPath: "/proc/\(process)/limits") else { return nil }
    let title = "Max file locks"
    return String(decoding: limits, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(title) }
      .flatMap { $0.dropFirst(title.count).split(separator: " ").first }.flatMap { UInt64($0) }
  }

  static func current() -> UInt64? {
    var limit: UInt64 = 0
    return baton_get_lock_limit(0, &limit) == 0 ? limit : nil
  }
}
