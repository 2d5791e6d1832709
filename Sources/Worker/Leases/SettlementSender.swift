import BatonShared
import DequeModule
import Logging
import ServiceLifecycle

/// Reports how attempts ended, until the coordinator has said that it knows.
///
/// Settlements gather while requests are in flight and go out together with the next; there is no timer. Repeating one
/// is safe, so one that timed out but was applied is `accepted` again.
final class SettlementSender: Service {
  /// One settlement on its way.
  struct Entry: Sendable {
    let settlement: Settlement
    /// When to stop trying.
    let giveUpAt: ContinuousClock.Instant
    /// Hears, once, what the coordinator said; nil when it could not be told.
    let answered: @Sendable (SettleStatus?) -> Void
  }

  private struct Queue: Sendable {
    var entries: Deque<Entry> = []
    var isClosed = false

    /// The oldest settlements, as many as may go out together.
    mutating func takeBatch() -> [Entry] {
      var count = 0
      var bytes = 0
      while count < min(entries.count, SettlementSender.maximumBatch), bytes < SettlementSender.maximumBatchBytes {
        bytes += entries[count].settlement.result?.bytes.count ?? 0
        count += 1
      }
      defer { entries.removeFirst(count) }
      return Array(entries.prefix(count))
    }
  }

  /// The most settlements of one request.
  static let maximumBatch = 1000
  /// With results of so many bytes a request takes no more settlements.
  private static let maximumBatchBytes = 256 * 1024
  /// The most requests in flight.
  private static let maximumRequests = 2

  private let client: CoordinatorClient
  private let roundTrips: RoundTrips
  private let logger: Logger
  private let queue = Watched(Queue())

  init(client: CoordinatorClient, roundTrips: RoundTrips, logger: Logger) {
    self.client = client
    self.roundTrips = roundTrips
    self.logger = logger
  }

  /// Settles attempts. Those that are given together go out together, as far as they fit.
  func add(_ entries: [Entry]) {
    let isClosed = queue.update { queue in
      if !queue.isClosed { queue.entries.append(contentsOf: entries) }
      return queue.isClosed
    }
    if isClosed { for entry in entries { entry.answered(nil) } }
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<Self.maximumRequests { group.addTask { try? await self.sendAll() } }
      }
    }
    let left = queue.update { queue in
      queue.isClosed = true
      defer { queue.entries = [] }
      return queue.entries
    }
    for entry in left { entry.answered(nil) }
  }

  private func sendAll() async throws {
    var backoff = Backoff(base: 0.05, limit: 1)
    while true {
      try await queue.first { !$0.entries.isEmpty }
      let batch = queue.update { $0.takeBatch() }
      // The other request may have taken it.
      if batch.isEmpty { continue }
      let (left, error) = await send(batch)
      let givenUp = putBack(left)
      try Task.checkCancellation()
      guard let error else {
        backoff.reset()
        continue
      }
      logger.warning(
        "could not settle; trying again",
        metadata: ["error": "\(error)", "settlements": "\(left.count)", "given_up": "\(givenUp)"])
      try await Task.sleep(for: backoff.next(atLeast: min(error.retryAfter, 2)))
    }
  }

  /// - Returns: What has to be sent again, and why.
  private func send(_ batch: [Entry]) async -> (left: [Entry], error: CoordinatorError?) {
    do {
      let sentAt = ContinuousClock.now
      let results = try await client.settle(batch.map(\.settlement), timeout: .seconds(5))
      roundTrips.record((ContinuousClock.now - sentAt).inSeconds)
      let byLease = Dictionary(results.map { ($0.leaseID, $0.status) }, uniquingKeysWith: { first, _ in first })
      for entry in batch { entry.answered(byLease[entry.settlement.leaseID]) }
      return ([], nil)
    } catch let error as CoordinatorError where error.isTransient {
      return (batch, error)
    } catch let error as CoordinatorError {
      guard batch.count > 1 else { return await sendWithoutResult(batch[0], refusal: error) }
      // One bad settlement must not take the others with it.
      let middle = batch.count / 2
      let first = await send(Array(batch[..<middle]))
      let second = await send(Array(batch[middle...]))
      return (first.left + second.left, first.error ?? second.error)
    } catch {
      // Cancelled.
      return (batch, nil)
    }
  }

  /// What the coordinator refuses for good is most likely the result, too large or not to its taste: the attempt is
  /// reported as failed for that reason, so that it is not run in vain until its losses are used up.
  private func sendWithoutResult(
    _ entry: Entry, refusal: CoordinatorError
  ) async -> (left: [Entry], error: CoordinatorError?) {
    logger.error(
      "the coordinator refuses a settlement",
      metadata: ["lease": "\(entry.settlement.leaseID.abbreviated)", "error": "\(refusal)"])
    guard entry.settlement.result != nil else {
      entry.answered(nil)
      return ([], nil)
    }
    let settlement = Settlement(
      leaseID: entry.settlement.leaseID, outcome: .failed,
      error: JobFailure(code: "result_refused", message: "the coordinator refused the result: \(refusal)"),
      retryable: false)
    return await send([Entry(settlement: settlement, giveUpAt: entry.giveUpAt, answered: entry.answered)])
  }

  /// Before the ones that came meanwhile: the oldest lease is the nearest to its end.
  /// - Returns: How many were given up instead.
  private func putBack(_ batch: [Entry]) -> Int {
    guard !batch.isEmpty else { return 0 }
    let now = ContinuousClock.now
    let kept = batch.filter { $0.giveUpAt > now }
    queue.update { $0.entries.prepend(contentsOf: kept) }
    let givenUp = batch.filter { $0.giveUpAt <= now }
    for entry in givenUp { entry.answered(nil) }
    return givenUp.count
  }
}
