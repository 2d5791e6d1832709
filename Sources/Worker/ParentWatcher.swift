import BatonThreads
import ServiceLifecycle

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Begins the drain when standard input ends: whoever started this worker and held the other end has gone.
struct ParentWatcher: Service {
  let drain: DrainController

  func run() async throws {
    // A thread of its own: a pipe can be waited for by an event loop, but a terminal or a file cannot everywhere.
    let executor = ThreadExecutor(name: "parent-watcher")
    await cancelWhenGracefulShutdown {
      await withTaskExecutorPreference(executor) {
        while !Task.isCancelled {
          if hasEnded() {
            drain.receive(InterruptionNotice(source: "parent", action: "stop", secondsLeft: nil))
            return
          }
          await Task.yield()
        }
      }
    }
    // The others go on until the drain has ended; a service that returns would end them.
    try? await gracefulShutdown()
  }

  /// Waits for a moment for standard input to end; what comes there is passed over.
  private func hasEnded() -> Bool {
    var request = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    guard poll(&request, 1, 250) > 0 else { return false }
    if request.revents & Int16(POLLNVAL) != 0 { return true }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(0, &bytes, bytes.count)
    return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)
  }
}
