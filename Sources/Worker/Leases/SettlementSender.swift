import BatonShared
import Logging
import ServiceLifecycle

/// Reports how attempts ended, until the coordinator has said that it knows.
///
/// Settlements gather while a request is in flight and go out together with the next; there is no timer. Repeating one
/// is safe, so one that timed out but was applied is `accepted` again.
final class SettlementSender: Service {
  private struct Entry: Sendable {
    let settlement: Settlement
    let giveUpAt: ContinuousClock.Instant
    let answer: Watched<Answer?>
  }

  private enum Answer: Sendable, Equatable {
    case known(SettleStatus)
    case givenUp
  }

  private struct Queue: Sendable {
    var entries: [Entry] = []
    var isClosed = false
  }

  private let client: CoordinatorClient
  private let roundTrips: RoundTrips
  private let logger: Logger
  private let queue = Watched(Queue())

  init(client: CoordinatorClient, roundTrips: RoundTrips, logger: Logger) {
    self.client = client
    self.roundTrips = roundTrips
    self.logger = logger
  }

  /// Settles an attempt.
  ///
  /// - Parameter deadline: When to stop trying.
  /// - Returns: What the coordinator said; nil when it could not be told, or the task was cancelled.
  func settle(_ settlement: Settlement, until deadline: ContinuousClock.Instant) async -> SettleStatus? {
    let answer = Watched<Answer?>(nil)
    let isClosed = queue.update { queue in
      if !queue.isClosed {
        queue.entries.append(Entry(settlement: settlement, giveUpAt: deadline, answer: answer))
      }
      return queue.isClosed
    }
    if isClosed { return nil }
    guard let known = try? await answer.first(where: { $0 != nil }), case .known(let status) = known else {
      return nil
    }
    return status
  }

  func run() async throws {
    try? await cancelWhenGracefulShutdown { try await self.sendAll() }
    let left = queue.update { queue in
      queue.isClosed = true
      defer { queue.entries = [] }
      return queue.entries
    }
    for entry in left { entry.answer.update { $0 = .givenUp } }
  }

  private func sendAll() async throws {
    var backoff = Backoff(base: 0.05, limit: 1)
    while true {
      try await queue.first { !$0.entries.isEmpty }
      let batch = queue.update { queue in
        let batch = Array(queue.entries.prefix(SettleRequest.maximumResults))
        queue.entries.removeFirst(batch.count)
        return batch
      }
      do {
        try await send(batch)
        backoff.reset()
      } catch let error as CoordinatorError where error.isTransient {
        // Before the ones that came meanwhile: the oldest lease is the nearest to its end.
        let isGivenUp = putBack(batch)
        logger.warning(
          "could not settle; trying again",
          metadata: ["error": "\(error)", "settlements": "\(batch.count)", "given_up": "\(isGivenUp)"])
        try await Task.sleep(for: backoff.next(atLeast: min(error.retryAfter, 2)))
      } catch {
        _ = putBack(batch)
        try Task.checkCancellation()
      }
    }
  }

  private func send(_ batch: [Entry]) async throws {
    do {
      let sentAt = ContinuousClock.now
      let results = try await client.settle(batch.map(\.settlement), timeout: .seconds(5))
      roundTrips.record((ContinuousClock.now - sentAt).inSeconds)
      let byLease = Dictionary(results.map { ($0.leaseID, $0.status) }, uniquingKeysWith: { first, _ in first })
      for entry in batch {
        let status = byLease[entry.settlement.leaseID]
        entry.answer.update { $0 = status.map(Answer.known) ?? .givenUp }
      }
    } catch let error as CoordinatorError where !error.isTransient {
      if batch.count > 1 {
        // One bad settlement must not take the others with it.
        for entry in batch { try await send([entry]) }
      } else if let entry = batch.first {
        try await sendWithoutResult(entry, refusal: error)
      }
    }
  }

  /// What the coordinator refuses for good is most likely the result, too large or not to its taste: the attempt is
  /// reported as failed for that reason, so that it is not run in vain until its losses are used up.
  private func sendWithoutResult(_ entry: Entry, refusal: CoordinatorError) async throws {
    logger.error(
      "the coordinator refuses a settlement",
      metadata: ["lease": "\(entry.settlement.leaseID.abbreviated)", "error": "\(refusal)"])
    guard entry.settlement.result != nil else {
      return entry.answer.update { $0 = .givenUp }
    }
    let settlement = Settlement(
      leaseID: entry.settlement.leaseID, outcome: .failed,
      error: JobFailure(code: "result_refused", message: "the coordinator refused the result: \(refusal)"),
      retryable: false)
    try await send([Entry(settlement: settlement, giveUpAt: entry.giveUpAt, answer: entry.answer)])
  }

  /// - Returns: How many were given up.
  private func putBack(_ batch: [Entry]) -> Int {
    let now = ContinuousClock.now
    let kept = batch.filter { $0.giveUpAt > now && $0.answer.value == nil }
    queue.update { $0.entries.insert(contentsOf: kept, at: 0) }
    let givenUp = batch.filter { $0.giveUpAt <= now && $0.answer.value == nil }
    for entry in givenUp { entry.answer.update { $0 = .givenUp } }
    return givenUp.count
  }
}
