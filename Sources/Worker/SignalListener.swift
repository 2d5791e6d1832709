import Logging
import ServiceLifecycle
import UnixSignals

/// Turns SIGTERM and SIGINT into a drain; a second one hurries it.
struct SignalListener: Service {
  /// How long the hurried drain may last, in seconds.
  private static let hurry = 2.0

  let drain: DrainController
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var count = 0
      for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
        count += 1
        if count > 1 { logger.notice("a second signal: hurrying", metadata: ["signal": "\(signal)"]) }
        drain.receive(
          InterruptionNotice(
            source: signal == .sigint ? "sigint" : "sigterm", action: "stop",
            secondsLeft: count > 1 ? Self.hurry : nil))
      }
    }
  }
}
