import BatonPostgres
import BatonShared
import DequeModule
import ServiceLifecycle
import Synchronization

/// Group commit: requests that arrive while a batch is at the database are collected and become the next batch, one
/// statement and one commit for all of them. Nobody waits for a timer: an idle batcher sends at once what has arrived.
///
/// While one batch is away, another is sent beside it only when it is worth a statement of its own: many items wait, or
/// the one that is away takes long.
///
/// A request's items stay together in one batch, so what is all or nothing for a statement is so for each request. A large
/// one, with more items than a batch has otherwise, leaves a lane to the others: they do not wait behind thousands.
final class Batcher<Item: Sendable, Outcome: Sendable>: Service, Sendable {
  private struct Request: Sendable {
    let items: [Item]
    let isLarge: Bool
    let arrived = ContinuousClock.now
    let reply: CheckedContinuation<[Outcome], any Error>
  }

  private let maximumItems: Int
  private let maximumWaiting: Int
  private let laneCount: Int
  private let patience: Duration
  private let gather: @Sendable () async -> Void
  private let isOpen: @Sendable () -> Bool
  private let perform: @Sendable ([Item]) async throws -> [Outcome]
  // A lock and not an actor: whoever submits does not change threads for it, neither on the way in nor on the way out.
  private let state: Mutex<State>

  /// A batch that has been away for longer takes long.
  private static var long: Duration { .milliseconds(50) }

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
    laneCount = lanes
    self.patience = patience
    self.gather = gather
    self.isOpen = isOpen
    self.perform = perform
    state = Mutex(State(laneCount: lanes, worthALane: worthALane))
  }

  var waitingItems: Int { state.withLock { $0.waitingItems } }
  var isClosed: Bool { state.withLock { $0.lanes.isClosed } }

  /// Carries out one item, together with whatever else is waiting.
  func submit(_ item: Item) async throws -> Outcome {
    try await submit([item])[0]
  }

  /// Carries out some items together: all of them or none.
  /// - Throws: what the statement threw, or `Problem` when too much is waiting.
  func submit(_ items: [Item]) async throws -> [Outcome] {
    guard !items.isEmpty else { return [] }
    return try await withCheckedThrowingContinuation { reply in
      let request = Request(items: items, isLarge: items.count > maximumItems, reply: reply)
      do throws(Problem) {
        let lane = try state.withLock { state throws(Problem) in
          try check(state, isLarge: request.isLarge)
          state.append(request)
          return state.wakeLane()
        }
        lane?.resume()
      } catch {
        reply.resume(throwing: error)
      }
    }
  }

  /// Whether another request is taken.
  private func check(_ state: State, isLarge: Bool) throws(Problem) {
    guard !state.lanes.isClosed else { throw Problem(.draining, "the coordinator is stopping") }
    // Large ones that wait are no reason to refuse small ones, which have a lane that is theirs.
    let line = isLarge ? state.waitingItems : state.waitingItems - state.largeItems
    guard line < maximumWaiting else { throw Problem(.databaseUnavailable, "too many requests wait for the database") }
    guard state.batchesAway < laneCount || state.latestStart + patience > .now else { throw Problem.slowDatabase }
  }

  /// Serves until graceful shutdown; what is waiting then is still carried out.
  func run() async throws {
    await withTaskCancellationOrGracefulShutdownHandler {
      await withDiscardingTaskGroup { group in
        for _ in 0..<laneCount {
          group.addTask {
            while let batch = await self.nextBatch() {
              await self.carryOut(batch)
              self.state.withLock { $0.landed(batch) }
            }
          }
        }
        group.addTask { await self.watchTheClock() }
      }
    } onCancelOrGracefulShutdown: {
      let resting = self.state.withLock { $0.lanes.close() }
      for lane in resting { lane.resume() }
    }
  }

  /// Sends those away that have waited for too long.
  private func watchTheClock() async {
    // Once it is cancelled nothing sleeps any more: going on, it would keep a thread busy until it is closed.
    while !Task.isCancelled {
      let start = isOpen() ? ContinuousClock.now - patience : .now
      let (isClosed, overdue, lane) = state.withLock { state in
        // A batch that takes long holds up nobody but those in it.
        let isClosed = state.lanes.isClosed
        return (isClosed, isClosed ? [] : state.removeOverdue(arrivedBefore: start), state.wakeLane())
      }
      for request in overdue { request.reply.resume(throwing: Problem.slowDatabase) }
      lane?.resume()
      if isClosed { return }
      try? await Task.sleep(for: min(Self.long, patience))
    }
  }

  private func nextBatch() async -> [Request]? {
    var hasGathered = false
    while true {
      let (turn, batch, other) = state.withLock { state in
        let (turn, batch) = state.turn(hasGathered: hasGathered, maximumItems)
        return (turn, batch, state.wakeLane())
      }
      other?.resume()
      hasGathered = false
      switch turn {
      case .gather:
        await gather()
        hasGathered = true
      case .take: return batch
      case .rest:
        await withCheckedContinuation { lane in
          let woken = state.withLock { state in
            state.lanes.rest(lane)
            // There may be something by now.
            return state.wakeLane()
          }
          woken?.resume()
        }
      case .end: return nil
      }
    }
  }

  /// Who waits, and what is away.
  private struct State: Sendable {
    let laneCount: Int
    let worthALane: Int
    var lanes = BatchLanes()
    var waiting: Deque<Request> = []
    var waitingItems = 0
    /// Of these, how many are those of large requests.
    var largeItems = 0
    var batchesAway = 0
    /// Of these, how many are one large request.
    var largeAway = 0
    var latestStart = ContinuousClock.now

    init(laneCount: Int, worthALane: Int) {
      self.laneCount = laneCount
      self.worthALane = worthALane
    }

    /// Where the request stands in line with which the next batch begins; nil if there is to be none now.
    private var next: Int? {
      guard
        batchesAway == largeAway || waitingItems >= worthALane || latestStart + Batcher.long < .now
          || lanes.isClosed
      else { return nil }
      let mayBeLarge = largeAway == 0 || largeAway < laneCount - 1
      return mayBeLarge ? (waiting.isEmpty ? nil : 0) : waiting.firstIndex { !$0.isLarge }
    }

    mutating func append(_ request: Request) {
      waiting.append(request)
      waitingItems += request.items.count
      if request.isLarge { largeItems += request.items.count }
    }

    mutating func removeOverdue(arrivedBefore start: ContinuousClock.Instant) -> [Request] {
      var overdue: [Request] = []
      while let first = waiting.first, first.arrived < start {
        waiting.removeFirst()
        waitingItems -= first.items.count
        if first.isLarge { largeItems -= first.items.count }
        overdue.append(first)
      }
      return overdue
    }

    mutating func turn(hasGathered: Bool, _ maximumItems: Int) -> (BatchLanes.Turn, [Request]?) {
      let next = next
      let turn = lanes.turn(hasGathered: hasGathered, isDue: next != nil, waiting: waiting.count)
      guard turn == .take, let next else { return (turn, nil) }
      return (turn, takeBatch(from: next, maximumItems))
    }

    mutating func wakeLane() -> BatchLanes.Lane? { lanes.wake(isDue: next != nil) }

    /// A batch is one large request, or as many others as fit.
    private mutating func takeBatch(from position: Int, _ maximumItems: Int) -> [Request] {
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
      lanes.isBusy = batch.count > 1
      batchesAway += 1
      latestStart = .now
      return batch
    }

    mutating func landed(_ batch: [Request]) {
      batchesAway -= 1
      if batch[0].isLarge { largeAway -= 1 }
    }
  }

  private func carryOut(_ batch: [Request]) async {
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
  private func performRetrying(_ items: [Item]) async throws -> [Outcome] {
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
