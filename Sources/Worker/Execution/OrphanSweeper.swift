import BatonThreads
import Logging
import ServiceLifecycle

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ends the programs of workers on this machine that were killed: their jobs go on elsewhere, and a second copy must
/// not go on here.
///
/// On Linux only. Under systemd or in a container a worker's programs die with it anyway.
struct OrphanSweeper: Service {
  let own: WorkerMark
  /// How often to look, in seconds.
  var interval = 5.0
  let logger: Logger

  func run() async throws {
    // Reading all of `/proc` blocks, if only for milliseconds.
    let executor = ThreadExecutor(name: "sweeper")
    await cancelWhenGracefulShutdown {
      await withTaskExecutorPreference(executor) {
        repeat { sweep() } while (try? await Task.sleep(for: .seconds(interval))) != nil
      }
    }
  }

  /// Looks once.
  /// - Returns: The processes that were ended.
  @discardableResult
  func sweep() -> [Int32] {
    #if os(Linux)
      var ended: [Int32] = []
      for process in StrayProcesses.all() {
        guard let entry = ProcessEntry.read(process), !entry.isZombie,
          saysSoInItsEnvironment(entry) || Self.isMarkedSo(entry)
        else { continue }
        if entry.id.signal(SIGKILL) { ended.append(process) }
      }
      if !ended.isEmpty {
        logger.notice(
          "ended programs of a worker that is gone",
          metadata: ["processes": "\(ended.map(String.init).joined(separator: " "))"])
      }
      return ended
    #else
      return []
    #endif
  }

  #if os(Linux)
    /// Whether a process says in its environment that it is of a worker that has ended. Another user's environment cannot
    /// be read without `CAP_SYS_PTRACE`, and a program may clear its own.
    private func saysSoInItsEnvironment(_ process: ProcessEntry) -> Bool {
      let prefix = Array("\(WorkerMark.variable)=".utf8)
      let variable = StrayProcesses.variables(of: process.pid).first { $0.starts(with: prefix) }
      let mark = variable.flatMap { WorkerMark(String(decoding: $0.dropFirst(prefix.count), as: UTF8.self)) }
      return mark?.hasEnded(seenFrom: own) ?? false
    }

    /// Whether a process carries the number of a worker that has ended: it was started before whoever has that number now.
    private static func isMarkedSo(_ process: ProcessEntry) -> Bool {
      guard let number = ProgramMark.worker(of: process.pid), ProcessEntry.sharesNamespace(process.pid) else {
        return false
      }
      guard let worker = ProcessEntry.read(number) else { return ProcessEntry.isUnused(number) }
      return worker.isZombie || worker.id.startedAt > process.id.startedAt
    }
  #endif
}
