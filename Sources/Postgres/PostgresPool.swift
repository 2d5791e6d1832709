import Logging
import ServiceLifecycle
import Synchronization

/// A fixed number of connections, opened when first needed and shared by many callers.
///
/// - Callers are served in their order of arrival; one that waits for longer than the acquire time-out gets
///   ``PostgresError/poolExhausted``.
/// - Connections are looked at before each use and replaced when they are broken; a restart of the server between two
///   calls goes unnoticed.
/// - While the server cannot be reached, calls fail at once and the pool keeps trying to connect, with pauses of two
///   seconds at most.
public final class PostgresPool: PostgresQuerying, Service {
  typealias Slot = PoolSlot<PostgresConnection>
  typealias Waiter = CheckedContinuation<Result<Slot, PostgresError>, Never>
  typealias State = PoolState<PostgresConnection, Waiter>

  /// Where the database is.
  public let configuration: PostgresConfiguration
  /// How many connections there are at most.
  public let size: Int

  private let acquireTimeout: Duration
  private let logger: Logger
  private let probe: ConnectionProbe
  private let state: Mutex<State>
  private let numbers = Atomic<UInt64>(0)
  private let closers = Mutex<[UInt64: CheckedContinuation<Void, Never>]>([:])

  /// Makes a pool; connects only when it is first used.
  ///
  /// - Parameters:
  ///   - configuration: Where the database is.
  ///   - size: How many connections to open at most; each has a thread.
  ///   - acquireTimeout: How long a caller waits for a connection.
  ///   - maximumWaiters: How many callers may wait; more fail at once.
  ///   - logger: Gets losses and recoveries of the server.
  public init(
    configuration: PostgresConfiguration, size: Int, acquireTimeout: Duration = .seconds(5),
    maximumWaiters: Int = 10_000, logger: Logger
  ) {
    precondition(size > 0, "a pool needs a connection")
    self.configuration = configuration
    self.size = size
    self.acquireTimeout = acquireTimeout
    self.logger = logger
    probe = ConnectionProbe(configuration, logger: logger)
    state = Mutex(State(size: size, maximumWaiters: maximumWaiters))
  }

  /// Whether there is a connection, or the last attempt to open one worked; true before the first.
  public var isReachable: Bool { state.withLock { $0.failure == nil || $0.openCount > 0 } }

  /// How many connections are open at the moment.
  public var openConnections: Int { state.withLock { $0.openCount } }

  /// Waits for graceful shutdown (or cancellation), then closes the pool.
  public func run() async {
    try? await gracefulShutdown()
    await close()
  }

  /// Refuses new calls, and returns once the connections in use are back and closed. Cut short by cancellation: then
  /// they are closed as they come back.
  public func close() async {
    apply(state.withLock { $0.beginClosing() })
    let number = nextNumber()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        closers.withLock { $0[number] = continuation }
        // Looked at after the continuation was left where a release, a moment ago or now, finds it.
        if Task.isCancelled || state.withLock({ $0.isDrained }) { resumeCloser(number) }
      }
    } onCancel: {
      resumeCloser(number)
    }
  }

  private func resumeCloser(_ number: UInt64) {
    closers.withLock { $0.removeValue(forKey: number) }?.resume()
  }

  private func nextNumber() -> UInt64 {
    numbers.wrappingAdd(1, ordering: .relaxed).newValue
  }
}

// MARK: - Lending

extension PostgresPool {
  /// Borrows a connection, waiting in line for it if need be. It has not been looked at yet.
  func acquire() async throws(PostgresError) -> Slot {
    if let slot = state.withLock({ $0.takeIdle() }) { return slot }
    let number = nextNumber()
    let deadline = ContinuousClock.now + acquireTimeout
    let result: Result<Slot, PostgresError> = await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        apply(state.withLock { $0.enqueue(number, waiter, deadline: deadline) })
        // Cancelled before it stood in line: the handler has found nobody there.
        if Task.isCancelled { cancelWaiter(number) }
      }
    } onCancel: {
      cancelWaiter(number)
    }
    return try result.get()
  }

  private func cancelWaiter(_ number: UInt64) {
    state.withLock { $0.cancel(number) }?.resume(returning: .failure(.cancelled))
  }

  /// Gives a connection back.
  ///
  /// - Parameter error: What the borrower ran into, if anything.
  func release(_ slot: Slot, after error: (any Error)? = nil) {
    let fate: State.Fate
    if case .server(let error)? = error as? PostgresError, error.isReadOnly {
      fate = .outdated
    } else {
      switch slot.connection.condition {
      case .idle: fate = .reusable
      case .broken, .closed: fate = .broken
      case .dead:
        // What made this one die will have done the same to others, whose statements would be the next to hang.
        logger.warning("a database connection has died without a word: all are replaced")
        fate = .outdated
      case .inTransaction:
        logger.warning("a connection came back inside a transaction and is closed")
        fate = .broken
      }
    }
    apply(state.withLock { $0.release(slot, fate) })
  }

  private func apply(_ effects: consuming State.Effects) {
    for (waiter, result) in effects.answers { waiter.resume(returning: result) }
    for _ in 0..<effects.opens { open() }
    if effects.startsTimer { startTimer() }
    if effects.isDrained {
      for closer in closers.withLock({ $0.keys.map { $0 } }) { resumeCloser(closer) }
    }
    // Dropping the last reference to a connection closes it.
  }

  // MARK: Shielded tasks

  /// Opens a connection in a task of its own: the connection is the pool's, so a caller that is cancelled must not
  /// cancel it, and one that waits must be able to give up while the name server does not answer.
  private func open() {
    Task { [weak self, configuration, probe, logger] in
      var backoff = Backoff()
      var isRepeated = false
      while true {
        do throws(PostgresError) {
          let connection = try await PostgresConnection.connect(configuration, probe: probe, logger: logger)
          self?.opened(connection)
          return
        } catch {
          guard let self, self.openFailed(error, isRepeated: isRepeated) else { return }
        }
        isRepeated = true
        try? await Task.sleep(for: backoff.next())
        guard let self, self.state.withLock({ $0.shouldTryAgain() }) else { return }
      }
    }
  }

  private func opened(_ connection: PostgresConnection) {
    let (effects, wasFailing) = state.withLock { state in
      let wasFailing = state.failure != nil
      return (state.opened(connection), wasFailing)
    }
    if wasFailing { logger.info("connected to the database again") }
    apply(effects)
  }

  /// - Returns: whether to try again.
  private func openFailed(_ error: PostgresError, isRepeated: Bool) -> Bool {
    let (effects, next) = state.withLock { $0.openFailed(error, isRepeated: isRepeated) }
    if next == .later, !isRepeated {
      logger.warning("cannot connect to the database, trying again", metadata: ["error": "\(error)"])
    }
    apply(effects)
    return next == .later
  }

  /// Answers waiters whose time is up. A task of its own, because it serves all of them; it ends when nobody waits.
  private func startTimer() {
    Task { [weak self] in
      while let deadline = self?.state.withLock({ $0.nextDeadline() }) {
        try? await Task.sleep(until: deadline, clock: .continuous)
        guard let self else { return }
        self.apply(self.state.withLock { $0.expire(now: .now) })
      }
    }
  }
}
