import BatonThreads
import Logging
import ServiceLifecycle

/// Follows what the jobs' programs start, and ends what is left of those that have ended; where this process adopts
/// orphans, it reaps them. Its first deed is to remove the folders that killed workers have left.
struct OrphanReaper: Service {
  let groups: ProcessGroups
  /// Where the jobs' folders are.
  let scratchParent: String
  /// Whose they may be besides the worker's own.
  var user: ExecUser?
  /// How often to look, in seconds.
  var interval = 0.5
  let logger: Logger

  func run() async throws {
    // Reading all of `/proc` blocks, if only for milliseconds.
    let executor = ThreadExecutor(name: "reaper")
    await cancelWhenGracefulShutdown {
      await withTaskExecutorPreference(executor) {
        let folders = ScratchFolder.removeLeftovers(under: scratchParent, of: user)
        if !folders.isEmpty {
          logger.notice(
            "removed the folders of jobs whose worker is gone",
            // Their names hold the ids of leases that may still be in force.
            metadata: ["folders": "\(folders.count)", "in": "\(scratchParent)"])
        }
        while (try? await Task.sleep(for: .seconds(interval))) != nil {
          let strays = groups.lookAround()
          if strays > 0 {
            logger.notice("ended processes of programs that have ended", metadata: ["count": "\(strays)"])
          }
        }
      }
    }
  }
}
