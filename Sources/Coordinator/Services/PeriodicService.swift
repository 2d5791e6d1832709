import Logging
import ServiceLifecycle

/// Work that is done again and again: `runOnce` is the work, this is the timer.
protocol PeriodicService: Service {
  var logger: Logger { get }
  var lifecycle: Lifecycle { get }
  /// Does the work once.
  /// - Returns: how long to wait before the next time.
  func runOnce() async throws -> Duration
  /// How long to wait after a failure.
  var retryInterval: Duration { get }
}

extension PeriodicService {
  // Not all coordinators at once.
  var retryInterval: Duration { .milliseconds(.random(in: 750...1250)) }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var isFailing = false
      while !Task.isCancelled {
        guard lifecycle.isMigrated else {
          try? await Task.sleep(for: .milliseconds(50))
          continue
        }
        var pause = retryInterval
        do {
          pause = try await runOnce()
          isFailing = false
        } catch {
          // Once an outage: a database that is away is not news every second.
          if !isFailing && !Task.isCancelled {
            logger.warning("\(Self.self) will try again", metadata: ["error": "\(error)"])
          }
          isFailing = true
        }
        try? await Task.sleep(for: pause)
      }
    }
  }
}
