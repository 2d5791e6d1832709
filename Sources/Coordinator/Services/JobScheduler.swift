import Logging
import ServiceLifecycle

/// Makes delayed jobs and retries ready when they are due.
actor JobScheduler: PeriodicService {
  static let batchSize = 1000

  nonisolated let logger: Logger
  nonisolated let lifecycle: Lifecycle
  private let store: JobStore
  private let dispatcher: LeaseDispatcher
  /// Looked for at least this often, for jobs that others have scheduled.
  private let interval: Duration
  private var nextLook = ContinuousClock.now
  private var sleeper: Task<Void, any Error>?

  init(
    store: JobStore, dispatcher: LeaseDispatcher, lifecycle: Lifecycle, logger: Logger,
    interval: Duration = .seconds(1)
  ) {
    self.store = store
    self.dispatcher = dispatcher
    self.lifecycle = lifecycle
    self.logger = logger
    self.interval = interval
  }

  func runOnce() async throws -> Duration {
    let promoted = try await store.promote(limit: Self.batchSize)
    if !promoted.isEmpty { dispatcher.wake(promoted) }
    if promoted.count == Self.batchSize { return .zero }
    let due = try await store.secondsUntilNextDue()
    nextLook = .now + min(interval, .seconds(due ?? .infinity, atMost: interval))
    await sleep()
    return .zero
  }

  /// A job will be due in so many seconds: look then, if not before.
  func expect(dueInSeconds seconds: Double) {
    let due = ContinuousClock.now + .seconds(seconds, atMost: interval)
    guard due < nextLook else { return }
    nextLook = due
    sleeper?.cancel()
  }

  /// Sleeps until `nextLook`, which may be moved nearer meanwhile.
  private func sleep() async {
    while ContinuousClock.now < nextLook, !Task.isCancelled {
      let end = nextLook
      // A task of its own, so that `expect` can end the sleep and nothing else; it is awaited right here.
      let sleeper = Task { try await Task.sleep(until: end, clock: .continuous) }
      self.sleeper = sleeper
      _ = await withTaskCancellationHandler {
        await sleeper.result
      } onCancel: {
        sleeper.cancel()
      }
    }
  }
}

extension Duration {
  static func seconds(_ seconds: Double, atMost limit: Duration) -> Duration {
    seconds < Double(limit.components.seconds) + 1 ? min(limit, .seconds(max(0, seconds))) : limit
  }
}
