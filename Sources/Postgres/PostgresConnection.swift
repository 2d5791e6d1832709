import BatonThreads
import CLibPQ
import Logging
import Synchronization

/// One connection to PostgreSQL, on a thread of its own: libpq blocks.
///
/// Statements run one after the other. A call ends when its time limit is over or its task is cancelled: the server
/// is asked to stop the statement, and if it does not within two seconds the connection is closed.
public actor PostgresConnection: PostgresQuerying {
  /// What the pool has to know without a hop onto the connection's thread.
  enum Condition: UInt8, AtomicRepresentable {
    case idle, inTransaction, broken, closed
    /// It has died without a word.
    case dead
  }

  /// How long the server may take to stop a statement that it was asked to stop.
  static let cancelGrace: Duration = .seconds(2)

  private nonisolated let executor: ThreadExecutor
  nonisolated let wake: WakePipe
  nonisolated let configuration: PostgresConfiguration
  private nonisolated let atomicCondition = Atomic(Condition.idle)
  nonisolated let probe: ConnectionProbe
  let logger: Logger
  var handle: LibPQHandle?
  var statements = StatementCache()

  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  nonisolated var condition: Condition { atomicCondition.load(ordering: .acquiring) }

  /// Whether the connection is lost or closed. A loss that nobody has noticed yet does not show here.
  public nonisolated var isBroken: Bool { [.broken, .dead, .closed].contains(condition) }

  private init(
    _ configuration: PostgresConfiguration, probe: ConnectionProbe, logger: Logger
  ) throws(PostgresError) {
    self.configuration = configuration
    self.probe = probe
    self.logger = logger
    executor = ThreadExecutor(name: "postgres")
    wake = try WakePipe()
  }

  /// Connects. Takes up to the connect time-out for each host, and is not cut short by cancellation.
  ///
  /// - Throws: ``PostgresError/connection(_:)``.
  public static func connect(
    _ configuration: PostgresConfiguration, logger: Logger
  ) async throws(PostgresError) -> PostgresConnection {
    try await connect(configuration, probe: ConnectionProbe(configuration, logger: logger), logger: logger)
  }

  /// - Parameter probe: Shared by connections to one server.
  static func connect(
    _ configuration: PostgresConfiguration, probe: ConnectionProbe, logger: Logger
  ) async throws(PostgresError) -> PostgresConnection {
    let connection = try PostgresConnection(configuration, probe: probe, logger: logger)
    try await connection.open()
    return connection
  }

  private func open() throws(PostgresError) {
    handle = try LibPQHandle(configuration, logger: logger)
    let limit = max(configuration.connectTimeout, .seconds(2))
    do {
      try run(script: configuration.sessionScript, Limits(timeout: limit, isCancellable: false))
    } catch {
      lose()
      // Whatever the server refused, there is no connection.
      throw .connection(error.description)
    }
  }

  /// Ends the connection once the statement in progress is done. Calls fail with ``PostgresError/closed`` from then on.
  public func close() {
    handle = nil
    atomicCondition.store(.closed, ordering: .releasing)
  }

  // MARK: Statements

  @discardableResult
  public func query(
    _ sql: String, _ parameters: [PostgresValue]
  ) async throws(PostgresError) -> PostgresRows {
    try await interruptible { connection throws(PostgresError) in
      try connection.run(sql, parameters, connection.limits)
    }
  }

  /// Like ``query(_:_:)``, but nil if the connection turns out to be dead before the statement was sent.
  func queryIfAlive(
    _ sql: String, _ parameters: [PostgresValue]
  ) async throws(PostgresError) -> PostgresRows? {
    try await interruptible { connection throws(PostgresError) in
      guard connection.isAlive() else { return nil }
      return try connection.run(sql, parameters, connection.limits)
    }
  }

  /// Runs any number of statements without parameters, separated by semicolons; their rows are dropped.
  ///
  /// Outside a transaction the script is one transaction of its own, unless it says otherwise.
  ///
  /// - Parameters:
  ///   - script: The statements.
  ///   - timeout: How long all of it may take; by default, the configured query time-out.
  public func execute(script: String, timeout: Duration? = nil) async throws(PostgresError) {
    let limits = Limits(timeout: timeout ?? configuration.queryTimeout, isCancellable: true)
    try await interruptible { connection throws(PostgresError) in
      _ = try connection.run(script: script, limits)
    }
  }

  var limits: Limits { Limits(timeout: configuration.queryTimeout, isCancellable: true) }

  /// Runs `body` on the connection's thread, with cancellation able to wake it out of its waiting.
  func interruptible<T: Sendable>(
    _ body: (isolated PostgresConnection) throws(PostgresError) -> T
  ) async throws(PostgresError) -> T {
    if Task.isCancelled { throw .cancelled }
    let result: Result<T, PostgresError> = await withTaskCancellationHandler {
      do throws(PostgresError) {
        return .success(try body(self))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      wake.signal()
    }
    return try result.get()
  }

  // MARK: State

  /// The open handle; throws if there is none.
  func openHandle() throws(PostgresError) -> LibPQHandle {
    if let handle { return handle }
    throw condition == .closed ? .closed : .connection("the connection was lost")
  }

  /// Gives the connection up.
  func lose() {
    let isDead = handle?.isDead ?? false
    handle = nil
    if condition != .closed { atomicCondition.store(isDead ? .dead : .broken, ordering: .releasing) }
  }

  /// Makes what the last statement left behind known to the pool.
  func publishCondition() {
    guard let handle else { return }
    if handle.isLost {
      lose()
    } else {
      atomicCondition.store(handle.isIdle ? .idle : .inTransaction, ordering: .releasing)
    }
  }
}

extension PostgresConnection {
  /// What bounds one call.
  struct Limits: Sendable {
    var timeout: Duration
    var isCancellable: Bool
  }
}
