import BatonShared
import Logging

/// Keeps the coordinator's record of this worker up to date.
final class Registrar: Sendable {
  struct State: Sendable {
    var registration: WorkerRegistration
    /// What the coordinator asked for, once it has answered.
    var receipt: RegistrationReceipt?
    /// Why it has not, for `/ready`.
    var problem = "the coordinator has not answered yet"
  }

  let workerID: String
  let state: Watched<State>
  private let client: CoordinatorClient
  private let metrics: WorkerMetrics
  private let logger: Logger

  init(
    workerID: String, registration: WorkerRegistration, client: CoordinatorClient, metrics: WorkerMetrics,
    logger: Logger
  ) {
    self.workerID = workerID
    self.state = Watched(State(registration: registration))
    self.client = client
    self.metrics = metrics
    self.logger = logger
  }

  /// How often to heartbeat, in seconds.
  var heartbeatSeconds: Double { state.value.receipt?.heartbeatSeconds ?? 10 }

  /// Registers, or refreshes what the coordinator knows.
  /// - Throws: `CoordinatorError`, or `CancellationError`.
  func register() async throws {
    do {
      let said = state.value.registration
      let receipt = try await client.register(said, as: workerID)
      let (isFirst, isOutdated) = state.update { state in
        defer { state.receipt = receipt }
        return (state.receipt == nil, state.registration != said)
      }
      metrics.registered(true)
      if isFirst {
        logger.info(
          "registered with the coordinator",
          metadata: [
            "worker": "\(workerID)", "lease_ttl_seconds": "\(receipt.leaseTTLSeconds)",
            "heartbeat_seconds": "\(receipt.heartbeatSeconds)",
          ])
      }
      // What became known of the instance while the request was on its way.
      if isOutdated { try await register() }
    } catch let error as CoordinatorError {
      state.update { $0.problem = "the coordinator: \(error)" }
      throw error
    }
  }

  /// Registers however long it takes.
  /// - Throws: `CancellationError`.
  func registerUntilKnown() async throws {
    var backoff = Backoff(base: 0.1, limit: 5)
    var isTold = false
    while true {
      do {
        return try await register()
      } catch let error as CoordinatorError {
        if !isTold {
          logger.warning("the coordinator does not answer; trying on", metadata: ["error": "\(error)"])
          isTold = true
        }
        try await Task.sleep(for: backoff.next(atLeast: error.retryAfter))
      }
    }
  }

  /// Refreshes the record; that it fails does not matter, the next occasion comes.
  func refresh() async {
    do {
      try await register()
    } catch {
      logger.debug("could not refresh the registration", metadata: ["error": "\(error)"])
    }
  }

  /// Takes in what has become known of the instance and tells the coordinator.
  func update(_ change: @Sendable (inout WorkerRegistration) -> Void) async {
    let isChanged = state.update { state in
      let before = state.registration
      change(&state.registration)
      return state.registration != before
    }
    if isChanged, state.value.receipt != nil { await refresh() }
  }
}
