import BatonWorker
import Logging

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

/// A process that is many workers at once: a thousand machines are not to be had, but a thousand workers are.
public enum HerdMember {
  /// Works until standard input ends.
  ///
  /// - Parameters:
  ///   - count: How many workers.
  ///   - coordinator: Where all of them look for work.
  /// - Throws: What keeps a worker from starting.
  public static func run(count: Int, coordinator: URL) async throws {
    // A thousand machines have processors of their own: the coordinator need not wait for theirs.
    _ = nice(10)
    var logger = Logger(label: "herd")
    logger.logLevel = .error
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<count {
        var configuration = WorkerConfiguration()
        configuration.coordinatorURLs = [coordinator]
        configuration.name = "herd"
        configuration.slots = 1
        configuration.port = 0
        configuration.spotWatcherEnabled = false
        // The first one ends with whoever has started this, and with it all of them.
        configuration.exitWithParent = number == 0
        let worker = try Worker(
          configuration: configuration, handlers: StandardHandlers.all(for: configuration), logger: logger,
          handlesSignals: false)
        group.addTask { try await worker.run() }
      }
      try await group.next()
      group.cancelAll()
    }
  }
}
