import Logging
import ServiceLifecycle
import Synchronization

/// Tells the other coordinators that queues have work.
///
/// Apart from the statements that make the work: PostgreSQL holds a lock of the whole server from a transaction's
/// notification to the end of its commit, so no two of them would reach the disk together. A transaction that does
/// nothing but notify writes nothing and waits for no disk. What is to be said while one is under way goes with the next.
/// It is a hint: whoever misses it looks again within a second.
final class WorkAnnouncer: Service {
  /// Between two announcements: more often is of no use, and each wakes every coordinator.
  static let pause = Duration.milliseconds(5)

  private let store: JobStore
  private let logger: Logger
  private let pending = Mutex<Set<String>>([])
  private let signals: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation

  init(store: JobStore, logger: Logger) {
    self.store = store
    self.logger = logger
    (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func announce(_ queues: Set<String>) {
    let isFirst = pending.withLock { pending in
      defer { pending.formUnion(queues) }
      return pending.isEmpty && !queues.isEmpty
    }
    if isFirst { signal.yield() }
  }

  func run() async throws {
    for await _ in signals.cancelOnGracefulShutdown() {
      let queues = pending.withLock { pending in
        defer { pending = [] }
        return pending
      }
      guard !queues.isEmpty else { continue }
      do {
        try await store.announce(queues)
      } catch {
        logger.debug("cannot tell other coordinators of work", metadata: ["error": "\(error)"])
      }
      try? await Task.sleep(for: Self.pause)
    }
  }
}
