import BatonShared
import Logging

/// Keeps the coordinator's record of this worker up to date.
final class Registrar: Sendable {
  struct State: Sendable {
    var registration: WorkerRegistration
    /// What the coordinator asked for, once it has answered. An outage takes none of it back.
    var receipt: RegistrationReceipt?
    /// When the newest of the requests was sent that were answered well.
    private(set) var answeredAt: ContinuousClock.Instant?
    /// Why none has been since.
    private(set) var problem: String?

    /// A request that was sent at `sentAt` was answered well.
    mutating func noteAnswer(sentAt: ContinuousClock.Instant) {
      // Answers may come out of order.
      answeredAt = max(answeredAt ?? sentAt, sentAt)
      problem = nil
    }

    mutating func noteFailure(_ error: CoordinatorError) { problem = "\(error)" }

    /// Why the coordinator cannot be said to know this worker, for `/ready`; nil when it can.
    ///
    /// An answer says so for as long as a lease lasts: who has renewed nothing for that long holds nothing any more.
    func absence(at now: ContinuousClock.Instant) -> String? {
      guard let receipt, let answeredAt else {
        return problem.map { "the coordinator: \($0)" } ?? "the coordinator has not answered yet"
      }
      let silence = (now - answeredAt).inSeconds
      guard silence >= receipt.leaseTTLSeconds else { return nil }
      return "no heartbeat has been answered well for \(silence.tenths) s" + (problem.map { ": \($0)" } ?? "")
    }
  }

  let workerID: String
  let state: Watched<State>
  private let client: CoordinatorClient
  private let logger: Logger

  init(workerID: String, registration: WorkerRegistration, client: CoordinatorClient, logger: Logger) {
    self.workerID = workerID
    self.state = Watched(State(registration: registration))
    self.client = client
    self.logger = logger
  }

  /// How often to heartbeat, in seconds.
  var heartbeatSeconds: Double { state.value.receipt?.heartbeatSeconds ?? 10 }

  /// Why the coordinator cannot be said to know this worker now; nil when it can.
  var absence: String? { state.read { $0.absence(at: .now) } }

  /// A heartbeat that was sent at `sentAt` was answered well.
  func heartbeatSucceeded(sentAt: ContinuousClock.Instant) { state.update { $0.noteAnswer(sentAt: sentAt) } }

  func heartbeatFailed(_ error: CoordinatorError) { state.update { $0.noteFailure(error) } }

  /// Registers, or refreshes what the coordinator knows.
  /// - Throws: `CoordinatorError`, or `CancellationError`.
  func register() async throws {
    do {
      let said = state.value.registration
      let sentAt = ContinuousClock.now
      let receipt = try await client.register(said, as: workerID)
      let (isFirst, isOutdated) = state.update { state in
        defer { state.receipt = receipt }
        state.noteAnswer(sentAt: sentAt)
        return (state.receipt == nil, state.registration != said)
      }
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
      state.update { $0.noteFailure(error) }
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
