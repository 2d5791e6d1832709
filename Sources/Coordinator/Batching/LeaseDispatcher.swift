import BatonPostgres
import BatonShared
import Logging
import ServiceLifecycle
import Synchronization

/// Answers requests for leases: collects those that want the same into one statement, lets those wait for which there
/// is no work, and wakes them when there is.
///
/// While a statement for a filter is at the database, requests and wake-ups for it gather and become the next one.
final class LeaseDispatcher: Service, Sendable {
  private typealias Reply = CheckedContinuation<[Lease], any Error>
  /// How long a request waits for its first statement: one that hangs must not gather others behind it.
  private static let patience = Duration.seconds(10)

  private let store: JobStore
  private let announcer: WorkAnnouncer
  private let ttlSeconds: Double
  private let metrics: CoordinatorMetrics
  private let logger: Logger
  /// Whether the database answers; while it does not, those who come are sent away.
  private let isOpen: @Sendable () -> Bool
  /// How many statements may be at the database at once.
  private let lanes: Int
  /// How often waiting requests are tried again without a wake-up, in case one was lost.
  private let recheckInterval: Duration

  /// For whom a sweep is due.
  private let sweeps: AsyncStream<LeaseFilter>
  private let orders: AsyncStream<LeaseFilter>.Continuation
  // A lock and not an actor: whoever asks does not change threads for it, neither on the way in nor on the way out.
  private let state = Mutex(State())

  init(
    store: JobStore, announcer: WorkAnnouncer, ttlSeconds: Double, metrics: CoordinatorMetrics, logger: Logger,
    lanes: Int = 2, isOpen: @escaping @Sendable () -> Bool = { true }, recheckInterval: Duration = .seconds(1)
  ) {
    self.store = store
    self.announcer = announcer
    self.ttlSeconds = ttlSeconds
    self.metrics = metrics
    self.logger = logger
    self.lanes = lanes
    self.isOpen = isOpen
    self.recheckInterval = recheckInterval
    // No more than one for all who want the same.
    (sweeps, orders) = AsyncStream.makeStream()
  }

  var waitingCount: Int { state.withLock { $0.replies.count } }

  /// Leases up to `request.max` jobs: at once if there are any, else as soon as there are, else none when
  /// `request.waitSeconds` have passed or this coordinator drains.
  /// - Parameter peer: Tells when the asker goes.
  /// - Throws: `PostgresError`, `Problem`, or `CancellationError` when the asker has gone; then nothing stays leased.
  func lease(
    _ request: LeaseRequest, capacityType: CapacityType, peer: PeerWatch? = nil
  ) async throws -> [Lease] {
    let id = state.withLock { $0.waiters.nextID() }
    defer { peer?.watch(nil) }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { reply in
        add(id, request, capacityType, reply)
        peer?.watch { self.forget(id) }
      }
    } onCancel: {
      forget(id)
    }
  }

  private func add(_ id: LeaseWaiters.ID, _ request: LeaseRequest, _ capacityType: CapacityType, _ reply: Reply) {
    let filter = LeaseFilter(queues: request.queues, kinds: request.kinds, capacityType: capacityType)
    let refusal = change { state -> (any Error)? in
      if state.isDraining { return Problem(.draining, "this coordinator is draining: ask another") }
      // Whoever cancels it from now on finds it.
      if Task.isCancelled { return CancellationError() }
      state.replies[id] = reply
      state.waiters.add(
        id, workerID: request.workerID, slots: request.max, filter: filter,
        deadline: .now + .seconds(request.waitSeconds))
      return nil
    }
    if let refusal { reply.resume(throwing: refusal) }
  }

  /// This coordinator has made these jobs ready. Those that nobody takes who waits here, other coordinators are told of.
  func wake(_ ready: some Collection<Requeued>) {
    var jobs: [String: Int] = [:]
    for job in ready { jobs[job.queue, default: 0] += job.count }
    change { state in
      state.floors.lower(to: ready.lazy.compactMap(\.position))
      state.waiters.wake(jobs)
    }
  }

  /// There may be work in these queues; nil for any queue.
  func wake(_ queues: Set<String>?) { change { $0.waiters.wake(queues) } }

  func isWaiting(workerID: String) -> Bool { state.withLock { $0.waiters.contains(workerID: workerID) } }

  /// Ends the waiting of a worker that is to drain.
  func expel(workerID: String) {
    let replies = change { state in state.takeReplies(state.waiters.remove(workerID: workerID)) }
    for reply in replies { reply.resume(throwing: Problem.workerDraining(workerID)) }
  }

  /// From now on nobody waits: those who do get an empty answer, those who come are sent elsewhere.
  func drain() {
    let replies = change { state in
      state.isDraining = true
      return state.takeReplies(state.waiters.removeAll())
    }
    for reply in replies { reply.resume(returning: []) }
  }

  func run() async throws {
    await withTaskCancellationOrGracefulShutdownHandler {
      await withDiscardingTaskGroup { group in
        for _ in 0..<lanes {
          group.addTask {
            while let batch = await self.nextBatch() { await self.carryOut(batch) }
          }
        }
        group.addTask {
          for await filter in self.sweeps { await self.sweep(filter) }
        }
        group.addTask { await self.watchTheClock() }
      }
    } onCancelOrGracefulShutdown: {
      self.close()
    }
  }

  private func close() {
    drain()
    orders.finish()
    let resting = state.withLock { $0.lanes.close() }
    for lane in resting { lane.resume() }
  }

  private func forget(_ id: LeaseWaiters.ID) {
    let reply = change { state in
      state.waiters.remove(id)
      return state.replies.removeValue(forKey: id)
    }
    reply?.resume(throwing: CancellationError())
  }

  // MARK: Inside

  /// Who waits, where to look, and which lanes rest.
  private struct State: Sendable {
    var waiters = LeaseWaiters()
    var floors = LeaseFloors()
    var replies: [LeaseWaiters.ID: Reply] = [:]
    var lanes = BatchLanes()
    var isDraining = false

    mutating func takeReplies(_ ids: [LeaseWaiters.ID]) -> [Reply] {
      ids.compactMap { replies.removeValue(forKey: $0) }
    }

    mutating func turn(hasGathered: Bool) -> (BatchLanes.Turn, LeaseWaiters.Batch?) {
      let turn = lanes.turn(hasGathered: hasGathered, isDue: waiters.mayBeDue, waiting: waiters.freshInNext)
      return (turn, turn == .take ? waiters.takeBatch() : nil)
    }

    /// A statement has come back.
    /// - Returns: What is said to whom, and the leases that nobody is there for any more.
    mutating func finish(
      _ batch: LeaseWaiters.Batch, _ leases: [Lease], took: Duration, now: ContinuousClock.Instant
    ) -> (answers: [(reply: Reply, leases: [Lease])], orphans: [Lease]) {
      let leftOthers = leases.first?.leftOthers ?? false
      floors.finish(
        batch.filter, found: leases.map(\.position), isAll: leases.count < batch.slots.count && !leftOthers,
        took: took, now: now)
      var granted: [LeaseWaiters.ID: [Lease]] = [:]
      for (slot, lease) in zip(batch.slots, leases) { granted[slot.waiter, default: []].append(lease) }
      lanes.isBusy = granted.count > 1
      let over = waiters.finish(
        batch, granted: Set(granted.keys), found: leases.count, leftOthers: leftOthers, now: now)
      var answers: [(reply: Reply, leases: [Lease])] = takeReplies(over).map { ($0, []) }
      var orphans: [Lease] = []
      for (id, leases) in granted {
        if let reply = replies.removeValue(forKey: id) { answers.append((reply, leases)) } else { orphans += leases }
      }
      return (answers, orphans)
    }
  }

  /// Changes the state and sees to what follows from it: others are told of jobs that nobody takes here, and a lane is
  /// woken if there is work for one.
  ///
  /// Others do not have to be told of what is taken here, which is most where workers wait: a statement less a job, and no
  /// other coordinator that looks for nothing.
  @discardableResult
  private func change<Result: Sendable>(_ change: (inout State) -> Result) -> Result {
    let (result, untaken, lane) = state.withLock { state in
      (change(&state), state.waiters.takeUntaken(), state.lanes.wake(isDue: state.waiters.mayBeDue))
    }
    if !untaken.isEmpty { announcer.announce(untaken) }
    lane?.resume()
    return result
  }

  private func nextBatch() async -> LeaseWaiters.Batch? {
    var hasGathered = false
    while true {
      let (turn, batch) = change { $0.turn(hasGathered: hasGathered) }
      hasGathered = false
      switch turn {
      case .gather:
        await EventLoopTurn.end()
        hasGathered = true
      case .take: if let batch { return batch }
      // There may be something by the time that it rests.
      case .rest: await withCheckedContinuation { lane in change { $0.lanes.rest(lane) } }
      case .end: return nil
      }
    }
  }

  private func carryOut(_ batch: LeaseWaiters.Batch) async {
    let start = ContinuousClock.now
    let (isSweepDue, floors) = state.withLock { state in
      (state.floors.isSweepDue(batch.filter, now: start), state.floors.begin(batch.filter))
    }
    if isSweepDue { orders.yield(batch.filter) }
    do {
      let leases = try await store.lease(
        batch.filter, to: batch.slots.map(\.workerID), ttlSeconds: ttlSeconds, floors: floors)
      metrics.leased(leases)
      let now = ContinuousClock.now
      let (answers, orphans) = change { $0.finish(batch, leases, took: now - start, now: now) }
      for (reply, leases) in answers { reply.resume(returning: leases) }
      await handBack(orphans.map(\.grant.leaseID), reason: "the asker had gone before it could be answered")
    } catch {
      let replies = change { state in
        state.floors.fail(batch.filter)
        return state.takeReplies(state.waiters.fail(batch))
      }
      for reply in replies { reply.resume(throwing: error) }
    }
  }

  /// Looks for what others put in front of where leasing looks.
  private func sweep(_ filter: LeaseFilter) async {
    guard let sweep = state.withLock({ $0.lanes.isClosed ? nil : $0.floors.sweep(filter) }) else { return }
    let start = ContinuousClock.now
    var isClear = true
    for (range, floor) in sweep.floors {
      do {
        let found = try await cancelWhenGracefulShutdown { [store] in
          try await store.firstReady(range, kinds: filter.kinds, below: floor)
        }
        guard let found else { continue }
        isClear = false
        change { state in
          state.floors.lower(to: [LeasePosition(range: range, floor: found)])
          state.waiters.wake([range.queue])
        }
      } catch {
        isClear = false
        // It is tried again. An outage is told of elsewhere.
        guard let error = error as? PostgresError, !error.isConnectionFailure, error != .cancelled else { break }
        logger.warning(
          "jobs that others put before those that are being leased may wait: looking for them has failed",
          metadata: ["queue": "\(range.queue)", "error": "\(error)"])
      }
    }
    let took = ContinuousClock.now - start
    state.withLock { [isClear] in $0.floors.finish(sweep, isClear: isClear, took: took, now: .now) }
  }

  /// Gives back leases that nobody has seen: they count as nothing, and somebody else may have the jobs at once.
  func handBack(_ leases: [LeaseID], reason: String) async {
    guard !leases.isEmpty else { return }
    do {
      let outcome = try await store.settle(
        leases.map { Settlement(leaseID: $0, outcome: .released, reason: reason) })
      metrics.handedBack(leases.count)
      wake(outcome.requeued)
    } catch {
      // They expire by themselves.
      logger.warning("cannot hand back leases", metadata: ["count": "\(leases.count)", "error": "\(error)"])
    }
  }

  // MARK: Time

  private func watchTheClock() async {
    var nextRecheck = ContinuousClock.now + recheckInterval
    var nextLook = ContinuousClock.now
    // Once it is cancelled nothing sleeps any more: going on, it would keep a thread busy until it is closed.
    while !state.withLock({ $0.lanes.isClosed }), !Task.isCancelled {
      let now = ContinuousClock.now
      let over = change { state in state.takeReplies(state.waiters.removeExpired(now: now)) }
      for reply in over { reply.resume(returning: []) }
      if now >= nextRecheck {
        nextRecheck = now + recheckInterval
        wake(nil)
      }
      if now >= nextLook {
        nextLook = now + .seconds(1)
        let start = isOpen() ? now - Self.patience : now
        let overdue = change { state in state.takeReplies(state.waiters.removeNew(arrivedBefore: start)) }
        for reply in overdue { reply.resume(throwing: Problem.slowDatabase) }
      }
      let tick = min(nextRecheck, now + .milliseconds(50))
      try? await Task.sleep(until: tick, clock: .continuous)
    }
  }
}

extension Problem {
  static func workerDraining(_ id: String) -> Problem {
    Problem(.workerDraining, "worker '\(id)' is draining: it is given no more jobs")
  }
}
