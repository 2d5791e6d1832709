import BatonPostgres
import BatonShared
import Logging
import ServiceLifecycle

/// Answers requests for leases: collects those that want the same into one statement, lets those wait for which there
/// is no work, and wakes them when there is.
///
/// While a statement for a filter is at the database, requests and wake-ups for it gather and become the next one.
actor LeaseDispatcher: Service {
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

  private var waiters = LeaseWaiters()
  private var floors = LeaseFloors()
  /// For whom a sweep is due.
  private let sweeps: AsyncStream<LeaseFilter>
  private let orders: AsyncStream<LeaseFilter>.Continuation
  private var replies: [LeaseWaiters.ID: CheckedContinuation<[Lease], any Error>] = [:]
  private var idleLanes: [CheckedContinuation<Void, Never>] = []
  private var isGathering = false
  /// Whether the last statement found work for more than one request: only then it is worth to wait for others.
  private var isBusy = false
  private var isDraining = false
  private var isClosed = false

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

  var waitingCount: Int { replies.count }

  /// Leases up to `request.max` jobs: at once if there are any, else as soon as there are, else none when
  /// `request.waitSeconds` have passed or this coordinator drains.
  /// - Parameter peer: Tells when the asker goes.
  /// - Throws: `PostgresError`, `Problem`, or `CancellationError` when the asker has gone; then nothing stays leased.
  func lease(
    _ request: LeaseRequest, capacityType: CapacityType, peer: PeerWatch? = nil
  ) async throws -> [Lease] {
    guard !isDraining else { throw Problem(.draining, "this coordinator is draining: ask another") }
    let id = waiters.nextID()
    defer { peer?.watch(nil) }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { reply in
        guard !Task.isCancelled else { return reply.resume(throwing: CancellationError()) }
        replies[id] = reply
        waiters.add(
          id, workerID: request.workerID, slots: request.max,
          filter: LeaseFilter(queues: request.queues, kinds: request.kinds, capacityType: capacityType),
          deadline: .now + .seconds(request.waitSeconds))
        // Shield, here and below: the handler is synchronous; forgetting is one hop that ends by itself.
        peer?.watch { Task { await self.forget(id) } }
        startIdleLane()
      }
    } onCancel: {
      Task { await self.forget(id) }
    }
  }

  /// This coordinator has made these jobs ready. Those that nobody takes who waits here, other coordinators are told of.
  func wake(_ ready: some Collection<Requeued>) {
    var jobs: [String: Int] = [:]
    for job in ready { jobs[job.queue, default: 0] += job.count }
    floors.lower(to: ready.lazy.compactMap(\.position))
    waiters.wake(jobs)
    tellOthers()
    startIdleLane()
  }

  /// Others do not have to be told of what is taken here, which is most where workers wait: a statement less a job, and no
  /// other coordinator that looks for nothing.
  private func tellOthers() {
    if !waiters.untaken.isEmpty { announcer.announce(waiters.takeUntaken()) }
  }

  /// There may be work in these queues; nil for any queue.
  func wake(_ queues: Set<String>?) {
    waiters.wake(queues)
    startIdleLane()
  }

  func isWaiting(workerID: String) -> Bool { waiters.contains(workerID: workerID) }

  /// Ends the waiting of a worker that is to drain.
  func expel(workerID: String) {
    for id in waiters.remove(workerID: workerID) {
      replies.removeValue(forKey: id)?.resume(throwing: Problem.workerDraining(workerID))
    }
  }

  /// From now on nobody waits: those who do get an empty answer, those who come are sent elsewhere.
  func drain() {
    isDraining = true
    for id in waiters.removeAll() { replies.removeValue(forKey: id)?.resume(returning: []) }
    tellOthers()
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
      // Shield: as above.
      Task { await self.close() }
    }
  }

  private func close() {
    drain()
    isClosed = true
    orders.finish()
    for lane in idleLanes { lane.resume() }
    idleLanes = []
  }

  private func forget(_ id: LeaseWaiters.ID) {
    waiters.remove(id)
    replies.removeValue(forKey: id)?.resume(throwing: CancellationError())
  }

  // MARK: Statements

  private func nextBatch() async -> LeaseWaiters.Batch? {
    while !isClosed {
      if waiters.mayBeDue, !isGathering {
        if isBusy {
          isGathering = true
          await EventLoopTurn.end()
          isGathering = false
        }
        let batch = waiters.takeBatch()
        tellOthers()
        startIdleLane()
        if let batch { return batch }
      } else {
        await withCheckedContinuation { idleLanes.append($0) }
      }
    }
    return nil
  }

  /// One at a time: it starts the next when it has its batch.
  private func startIdleLane() {
    guard waiters.mayBeDue, !isGathering, let lane = idleLanes.popLast() else { return }
    lane.resume()
  }

  private func carryOut(_ batch: LeaseWaiters.Batch) async {
    let start = ContinuousClock.now
    if floors.isSweepDue(batch.filter, now: start) { orders.yield(batch.filter) }
    do {
      let leases = try await store.lease(
        batch.filter, to: batch.slots.map(\.workerID), ttlSeconds: ttlSeconds,
        floors: floors.begin(batch.filter))
      let now = ContinuousClock.now
      let leftOthers = leases.first?.leftOthers ?? false
      floors.finish(
        batch.filter, found: leases.map(\.position), isAll: leases.count < batch.slots.count && !leftOthers,
        took: now - start, now: now)
      metrics.leased(leases)
      var granted: [LeaseWaiters.ID: [Lease]] = [:]
      for (slot, lease) in zip(batch.slots, leases) { granted[slot.waiter, default: []].append(lease) }
      isBusy = granted.count > 1
      let over = waiters.finish(
        batch, granted: Set(granted.keys), found: leases.count, leftOthers: leftOthers, now: .now)
      for id in over { replies.removeValue(forKey: id)?.resume(returning: []) }
      var orphans: [Lease] = []
      for (id, leases) in granted {
        if let reply = replies.removeValue(forKey: id) {
          reply.resume(returning: leases)
        } else {
          orphans += leases
        }
      }
      await handBack(orphans.map(\.grant.leaseID), reason: "the asker had gone before it could be answered")
    } catch {
      floors.fail(batch.filter)
      for id in waiters.fail(batch) { replies.removeValue(forKey: id)?.resume(throwing: error) }
    }
    tellOthers()
    startIdleLane()
  }

  /// Looks for what others put in front of where leasing looks.
  private func sweep(_ filter: LeaseFilter) async {
    guard !isClosed, let sweep = floors.sweep(filter) else { return }
    let start = ContinuousClock.now
    var isClear = true
    for (range, floor) in sweep.floors {
      do {
        let found = try await cancelWhenGracefulShutdown { [store] in
          try await store.firstReady(range, kinds: filter.kinds, below: floor)
        }
        guard let found else { continue }
        isClear = false
        floors.lower(to: [LeasePosition(range: range, floor: found)])
        wake([range.queue])
      } catch {
        isClear = false
        // It is tried again. An outage is told of elsewhere.
        guard let error = error as? PostgresError, !error.isConnectionFailure, error != .cancelled else { break }
        logger.warning(
          "jobs that others put before those that are being leased may wait: looking for them has failed",
          metadata: ["queue": "\(range.queue)", "error": "\(error)"])
      }
    }
    floors.finish(sweep, isClear: isClear, took: .now - start, now: .now)
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
    while !isClosed, !Task.isCancelled {
      let now = ContinuousClock.now
      for id in waiters.removeExpired(now: now) { replies.removeValue(forKey: id)?.resume(returning: []) }
      if now >= nextRecheck {
        nextRecheck = now + recheckInterval
        wake(nil)
      }
      if now >= nextLook {
        nextLook = now + .seconds(1)
        for id in waiters.removeNew(arrivedBefore: isOpen() ? now - Self.patience : now) {
          replies.removeValue(forKey: id)?.resume(throwing: Problem.slowDatabase)
        }
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
