import BatonShared
import Logging
import ServiceLifecycle

/// Leases jobs as slots come free, and some beyond that where jobs are short; after a drain began, sees to it that none is
/// left.
struct AgentLoop: Service {
  let workerID: String
  let queues: [String]
  let kinds: [String]
  let client: CoordinatorClient
  let registrar: Registrar
  let table: LeaseTable
  let keeper: LeaseKeeper
  let reporter: JobReporter
  let drain: DrainController
  let runner: JobRunner
  let conductor: DrainConductor
  let logger: Logger

  /// How long the coordinator holds a request when there is no work, in seconds.
  private static let waitSeconds = 20.0
  /// The same while some kinds are left out: they are wanted again when that ends.
  private static let softWaitSeconds = 5.0

  /// Returns once a drain has ended: when the last job is settled, or time is up.
  func run() async throws {
    await withGracefulShutdownHandler {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await conductor.run() }
        // The settlements of jobs stopped at the deadline still have to arrive.
        group.addTask { await wait { $0.deadline + .seconds(1.5) } }
        group.addTask { await work() }
        // The first to return is `work()`, or time is up; the conductor never returns by itself.
        await group.next()
        group.cancelAll()
      }
    } onGracefulShutdown: {
      drain.receive(InterruptionNotice(source: "shutdown", action: "stop", secondsLeft: nil))
    }
    if !table.isEmpty {
      logger.warning("time is up: leases are left to expire", metadata: ["leases": "\(table.runs.count)"])
    }
  }

  private func work() async {
    let isRegistered: Void? = await unlessDraining { try await registrar.registerUntilKnown() }
    guard isRegistered != nil else { return }
    await withDiscardingTaskGroup { group in
      group.addTask { await handBackWhatIsNotToBegin() }
      await lease()
    }
    // Whatever was taken is in the table until the coordinator knows what became of it.
    _ = try? await table.state.first { $0.runs.isEmpty }
  }

  // MARK: Leasing

  private func lease() async {
    var backoff = Backoff(base: 0.1, limit: 2)
    // Whether there was more work than the last request took.
    var isBacklogged = false
    while !drain.isDraining, !Task.isCancelled {
      let hasBacklog = isBacklogged
      guard let wish = await unlessDraining({ try await wish(isBacklogged: hasBacklog) }) else { break }
      // Not before: the soft state may have begun meanwhile, and what it handed back is what is wished for.
      let kinds = admittedKinds()
      if kinds.isEmpty {
        _ = try? await drain.plan.first { $0.soft == nil || $0.isDraining }
        continue
      }
      do {
        let count = try await poll(wish, of: kinds)
        isBacklogged = count > 0 && count * 2 >= wish.leases
        backoff.reset()
      } catch CoordinatorError.refused(let problem, _) where problem.knownCode == .workerDraining {
        // Most often the echo of this worker's own word that it drains: no new wish, and no nearer deadline.
        if drain.isDraining { break }
        drain.receive(InterruptionNotice(source: "coordinator", action: "drain", secondsLeft: nil))
      } catch let error as CoordinatorError {
        logger.warning("could not lease; trying again", metadata: ["error": "\(error)"])
        let wait = backoff.next(atLeast: error.retryAfter)
        _ = await unlessDraining { try await Task.sleep(for: wait) }
      } catch {
        break
      }
    }
  }

  /// Waits until there is something to ask for. Meanwhile, what has waited for too long is handed back.
  private func wish(isBacklogged: Bool) async throws -> LeaseTable.Wish {
    while true {
      try Task.checkCancellation()
      reporter.handBack(table.takeOverdue(at: .now), .overdue)
      let patience = table.nextOverdue ?? .now + .seconds(3600)
      let wish: @Sendable (LeaseTable.State) -> LeaseTable.Wish? = { [slots = table.slots] state in
        LeaseTable.wish(state, slots: slots, isBacklogged: isBacklogged, at: .now)
      }
      if let state = await table.state.first(before: patience, where: { wish($0) != nil }), let wish = wish(state) {
        return wish
      }
    }
  }

  /// Asks for leases and has them begun. Of what comes after a drain began nothing is run: it is handed back at once.
  /// - Returns: How many came.
  private func poll(_ wish: LeaseTable.Wish, of kinds: [String]) async throws -> Int {
    let longest = drain.plan.read { $0.soft } == nil ? Self.waitSeconds : Self.softWaitSeconds
    let request = LeaseRequest(
      workerID: workerID, max: wish.leases, queues: queues, kinds: kinds, waitSeconds: wish.waits ? longest : 0)
    let requestedAt = ContinuousClock.now
    let grants = try await leaseOrDrain(request)
    let receivedAt = ContinuousClock.now
    let runs = grants.map { LeaseRun(grant: $0, requestedAt: requestedAt, receivedAt: receivedAt) }
    table.add(runs)
    for run in runs { logger.debug("a lease is given", metadata: run.metadata) }
    if drain.isDraining {
      reporter.handBack(runs, .late)
      return 0
    }
    // The soft state may have begun while the request waited.
    let admitted = Set(admittedKinds())
    let wanted = runs.filter { admitted.contains($0.grant.kind) }
    if wanted.count < runs.count {
      reporter.handBack(runs.filter { !admitted.contains($0.grant.kind) }, .unwanted)
    }
    if table.queue(wanted) {
      runner.fillSlots()
    } else {
      reporter.handBack(wanted, .late)
    }
    // After a long wait the leases are trusted only provisionally. They must be in the table by now, or the
    // heartbeat could go out without them, and the next one would come too late.
    if runs.contains(where: { !$0.state.value.trust.isConfirmed }) { keeper.poke() }
    return runs.count
  }

  /// Hands back what waits as soon as it must not begin any more: all of it when a drain begins; when the soft state
  /// does, jobs of kinds that run long. Returns once a drain has begun.
  private func handBackWhatIsNotToBegin() async {
    var known: InterruptionPolicy.Soft?
    while true {
      let seen = known
      guard let policy = try? await drain.plan.first(where: { $0.isDraining || $0.soft != seen }) else { return }
      if policy.isDraining { return reporter.handBack(table.close(), .drain) }
      known = policy.soft
      if known != nil {
        let admitted = Set(admittedKinds())
        reporter.handBack(table.takeWaiting { !admitted.contains($0.grant.kind) }, .unwanted)
      }
    }
  }

  /// The request, cut short by a drain.
  ///
  /// Simply hanging up could lose leases whose answer is on its way: they would expire and count as losses. So first
  /// the coordinator is told that this worker drains, after which it grants nothing more; what it granted before has
  /// some time to arrive (``DrainPlan/Drain/answersUntil(heard:)``).
  private func leaseOrDrain(_ request: LeaseRequest) async throws -> [LeaseGrant] {
    try await withThrowingTaskGroup(of: [LeaseGrant]?.self) { group in
      group.addTask { try await client.lease(request) }
      group.addTask {
        try await drain.plan.first { $0.isDraining }
        _ = await race(before: .now + .seconds(1)) { await keeper.beat() }
        // The coordinator ends the request itself once it knows; this is for a slow network and a slow machine.
        let heard = ContinuousClock.now
        await wait { $0.answersUntil(heard: heard) }
        return nil
      }
      defer { group.cancelAll() }
      if let grants = try await group.next() ?? nil { return grants }
      group.cancelAll()
      // Either the answer did arrive in the last moment, or the request reports its cancellation.
      do {
        return try await group.next().flatMap { $0 } ?? []
      } catch {
        return []
      }
    }
  }

  /// Waits for a drain to begin, and until a time that comes nearer when it is shortened; or until it is cancelled.
  private func wait(until time: @escaping @Sendable (DrainPlan.Drain) -> ContinuousClock.Instant) async {
    guard var drain = try? await drain.plan.first(where: { $0.isDraining }).drain else { return }
    while true {
      let end = time(drain)
      let shortened = await self.drain.plan.first(before: end) { $0.drain.map { time($0) < end } ?? false }
      guard let nearer = shortened?.drain, !Task.isCancelled else { return }
      drain = nearer
    }
  }

  /// The kinds that may be taken now.
  private func admittedKinds() -> [String] {
    let policy = drain.plan.value
    guard policy.soft != nil else { return kinds }
    return kinds.filter { policy.admits(typicalSeconds: table.typicalSeconds(kind: $0)) }
  }

  /// Does `work` unless a drain has begun or begins.
  /// - Returns: Nil when it was cut short.
  private func unlessDraining<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
  ) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
      group.addTask { try? await work() }
      group.addTask {
        _ = try? await drain.plan.first { $0.isDraining }
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }
}
