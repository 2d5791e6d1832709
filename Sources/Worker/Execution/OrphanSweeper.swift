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
      let prefix = Array("\(WorkerMark.variable)=".utf8)
      var ended: [Int32] = []
      for process in StrayProcesses.all() {
        guard let variable = StrayProcesses.variables(of: process).first(where: { $0.starts(with: prefix) }),
          let mark = WorkerMark(String(decoding: variable.dropFirst(prefix.count), as: UTF8.self)),
          mark.hasEnded(seenFrom: own)
        else { continue }
        if kill(process, SIGKILL) == 0 { ended.append(process) }
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
}
