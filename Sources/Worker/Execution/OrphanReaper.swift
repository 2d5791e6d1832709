import BatonThreads
import Logging
import ServiceLifecycle

/// Follows what the jobs' programs start, and ends what is left of those that have ended; where this process adopts
/// orphans, it reaps them.
struct OrphanReaper: Service {
  let groups: ProcessGroups
  /// How often to look, in seconds.
  var interval = 0.5
  let logger: Logger

  func run() async throws {
    // Reading all of `/proc` blocks, if only for milliseconds.
    let executor = ThreadExecutor(name: "reaper")
    await cancelWhenGracefulShutdown {
      await withTaskExecutorPreference(executor) {
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
