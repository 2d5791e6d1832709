import BatonPostgres
import BatonShared
import DequeModule
import ServiceLifecycle

/// Group commit: requests that arrive while a batch is at the database are collected and become the next batch, one
/// statement and one commit for all of them. Nobody waits for a timer: an idle batcher sends at once what has arrived.
///
/// While one batch is away, another is sent beside it only when it is worth a statement of its own: many items wait, or
/// the one that is away takes long.
///
/// A request's items stay together in one batch, so what is all or nothing for a statement is so for each request. A large
/// one, with more items than a batch has otherwise, leaves a lane to the others: they do not wait behind thousands.
actor Batcher<Item: Sendable, Outcome: Sendable>: Service {
  private struct Request {
    let items: [Item]
    let isLarge: Bool
    let arrived = ContinuousClock.now
    let reply: CheckedContinuation<[Outcome], any Error>
  }

  private let maximumItems: Int
  private let maximumWaiting: Int
  private let lanes: Int
  private let worthALane: Int
  private let patience: Duration
  private let gather: @Sendable () async -> Void
  private let isOpen: @Sendable () -> Bool
  private let perform: @Sendable ([Item]) async throws -> [Outcome]

  /// A batch that has been away for longer takes long.
  private static var long: Duration { .milliseconds(50) }

  private var waiting: Deque<Request> = []
  private(set) var waitingItems = 0
  /// Of these, how many are those of large requests.
  private var largeItems = 0
  private var idleLanes: [CheckedContinuation<Void, Never>] = []
  private var isGathering = false
  /// Whether the last batch was more than one request: only then it is worth to wait for others.
  private var isBusy = false
  private var batchesAway = 0
  /// Of these, how many are one large request.
  private var largeAway = 0
  private var latestStart = ContinuousClock.now
  private(set) var isClosed = false

  /// - Parameters:
  ///   - maximumItems: A batch takes no further request once it holds this many items.
  ///   - maximumWaiting: Beyond so many waiting items requests are refused, so that memory stays bounded.
  ///   - lanes: How many batches may be at the database at once.
  ///   - worthALane: How many items have to wait for a batch to be sent beside another.
  ///   - patience: How long a request waits for its batch to begin. While every lane has been away for longer, those that
  ///     come are refused at once: a database that hangs is not asked for more.
  ///   - gather: Waits for what is just arriving, where requests come together; the batch is put together when it
  ///     returns.
  ///   - isOpen: Whether the database answers; while it does not, those that wait are sent away.
  ///   - perform: Carries out a batch and returns an outcome for each item, in order.
  init(
    maximumItems: Int = 1000, maximumWaiting: Int = 50_000, lanes: Int = 2, worthALane: Int = 200,
    patience: Duration = .seconds(5), gather: @escaping @Sendable () async -> Void = EventLoopTurn.end,
    isOpen: @escaping @Sendable () -> Bool = { true },
    perform: @escaping @Sendable ([Item]) async throws -> [Outcome]
  ) {
    self.maximumItems = maximumItems
    self.maximumWaiting = maximumWaiting
    self.lanes = lanes
    self.worthALane = worthALane
    self.patience = patience
    self.gather = gather
    self.isOpen = isOpen
    self.perform = perform
  }

  /// Carries out one item, together with whatever else is waiting.
  func submit(_ item: Item) async throws -> Outcome {
    try await submit([item])[0]
  }

  /// Carries out some items together: all of them or none.
  /// - Throws: what the statement threw, or `Problem` when too much is waiting.
  func submit(_ items: [Item]) async throws -> [Outcome] {
    guard !items.isEmpty else { return [] }
    guard !isClosed else { throw Problem(.draining, "the coordinator is stopping") }
    let isLarge = items.count > maximumItems
    // Large ones that wait are no reason to refuse small ones, which have a lane that is theirs.
    guard isLarge ? waitingItems < maximumWaiting : waitingItems - largeItems < maximumWaiting else {
      throw Problem(.databaseUnavailable, "too many requests wait for the database")
    }
    guard batchesAway < lanes || latestStart + patience > .now else { throw Problem.slowDatabase }
    return try await withCheckedThrowingContinuation { reply in
      waiting.append(Request(items: items, isLarge: isLarge, reply: reply))
      waitingItems += items.count
      if isLarge { largeItems += items.count }
      startLane()
    }
  }

  private func startLane() {
    guard next != nil, !isGathering, let lane = idleLanes.popLast() else { return }
    lane.resume()
  }

  /// Where the request stands in line with which the next batch begins; nil if there is to be none now.
  private var next: Int? {
    guard
      batchesAway == largeAway || waitingItems >= worthALane || latestStart + Self.long < .now || isClosed
    else { return nil }
    let mayBeLarge = largeAway == 0 || largeAway < lanes - 1
    return mayBeLarge ? (waiting.isEmpty ? nil : 0) : waiting.firstIndex { !$0.isLarge }
  }

  /// Serves until graceful shutdown; what is waiting then is still carried out.
  func run() async throws {
    await withTaskCancellationOrGracefulShutdownHandler {
      await withDiscardingTaskGroup { group in
        for _ in 0..<lanes {
          group.addTask {
            while let batch = await self.nextBatch() {
              await self.carryOut(batch)
              await self.landed(batch)
            }
          }
        }
        group.addTask { await self.watchTheClock() }
      }
    } onCancelOrGracefulShutdown: {
      // Shield: the handler is synchronous; closing is one hop that ends by itself.
      Task { await self.close() }
    }
  }

  private func close() {
    isClosed = true
    for lane in idleLanes { lane.resume() }
    idleLanes = []
  }

  private func landed(_ batch: [Request]) {
    batchesAway -= 1
    if batch[0].isLarge { largeAway -= 1 }
  }

  /// Sends those away that have waited for too long.
  private func watchTheClock() async {
    // Once it is cancelled nothing sleeps any more: going on, it would keep a thread busy until it is closed.
    while !isClosed, !Task.isCancelled {
      let start = isOpen() ? ContinuousClock.now - patience : .now
      while let first = waiting.first, first.arrived < start {
        waiting.removeFirst()
        waitingItems -= first.items.count
        if first.isLarge { largeItems -= first.items.count }
        first.reply.resume(throwing: Problem.slowDatabase)
      }
      // A batch that takes long holds up nobody but those in it.
      startLane()
      try? await Task.sleep(for: min(Self.long, patience))
    }
  }

  private func nextBatch() async -> [Request]? {
    while true {
      if next != nil, !isGathering {
        if isBusy || waiting.count > 1 {
          isGathering = true
          await gather()
          isGathering = false
        }
        // Those that waited may have been sent away.
        guard let next else { continue }
        defer { startLane() }
        return takeBatch(from: next)
      } else if isClosed {
        // What waits is another lane's, which has it in hand.
        return nil
      } else {
        await withCheckedContinuation { idleLanes.append($0) }
      }
    }
  }

  /// A batch is one large request, or as many others as fit.
  private func takeBatch(from position: Int) -> [Request] {
    var batch = [waiting.remove(at: position)]
    var items = batch[0].items.count
    if batch[0].isLarge {
      largeAway += 1
      largeItems -= items
    }
    while position < waiting.count, items + waiting[position].items.count <= maximumItems {
      items += waiting[position].items.count
      batch.append(waiting.remove(at: position))
    }
    waitingItems -= items
    isBusy = batch.count > 1
    batchesAway += 1
    latestStart = .now
    return batch
  }

  private nonisolated func carryOut(_ batch: [Request]) async {
    do {
      let outcomes = try await performRetrying(batch.flatMap(\.items))
      var start = 0
      for request in batch {
        request.reply.resume(returning: Array(outcomes[start..<(start + request.items.count)]))
        start += request.items.count
      }
    } catch let error as PostgresError where batch.count > 1 && error.isDataError {
      // One request's data spoilt the statement for all: each for itself, so that only the culprit fails.
      for request in batch { await carryOut([request]) }
    } catch {
      for request in batch { request.reply.resume(throwing: error) }
    }
  }

  /// A deadlock or serialization failure has left nothing behind: try again.
  private nonisolated func performRetrying(_ items: [Item]) async throws -> [Outcome] {
    for _ in 0..<3 {
      do {
        return try await perform(items)
      } catch let error as PostgresError where error.sqlState == "40P01" || error.sqlState == "40001" {
        // Whoever it collided with goes on meanwhile; two coordinators do not collide in step.
        try await Task.sleep(for: .milliseconds(.random(in: 1...20)))
      }
    }
    return try await perform(items)
  }
}

extension Problem {
  static let slowDatabase = Problem(.databaseUnavailable, "the database does not keep up; try again")
}

extension PostgresError {
  /// Whether the server refused the data itself (SQLSTATE classes 22 and 23), and not for a passing reason.
  var isDataError: Bool {
    guard let sqlState else { return false }
    return sqlState.hasPrefix("22") || sqlState.hasPrefix("23")
  }
}
