import BatonShared
import Logging
import ServiceLifecycle

/// Leases jobs as slots come free, runs them, and after a drain began sees to it that none is left.
struct AgentLoop: Service {
  let workerID: String
  let queues: [String]
  let kinds: [String]
  let slots: Int
  let client: CoordinatorClient
  let registrar: Registrar
  let table: LeaseTable
  let keeper: LeaseKeeper
  let settlements: SettlementSender
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
        group.addTask { await endWhenTimeIsUp() }
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

  private func endWhenTimeIsUp() async {
    guard var deadline = try? await drain.plan.first(where: { $0.isDraining }).drain?.deadline else { return }
    while true {
      let current = deadline
      // The settlements of jobs stopped at the deadline still have to arrive.
      let end = current + .seconds(1.5)
      let shortened = await drain.plan.first(before: end) { ($0.drain?.deadline ?? current) < current }
      guard let nearer = shortened?.drain?.deadline, !Task.isCancelled else { return }
      deadline = nearer
    }
  }

  private func work() async {
    let isRegistered: Void? = await unlessDraining { try await registrar.registerUntilKnown() }
    guard isRegistered != nil else { return }
    await withDiscardingTaskGroup { jobs in
      var backoff = Backoff(base: 0.1, limit: 2)
      while !drain.isDraining, !Task.isCancelled {
        let slots = slots
        guard let free = await unlessDraining({ try await freeSlots(slots) }) else { break }
        let kinds = admittedKinds()
        if kinds.isEmpty {
          _ = try? await drain.plan.first { $0.soft == nil }
          continue
        }
        do {
          let runs = try await poll(atMost: free, of: kinds)
          for run in runs {
            table.add(run)
            jobs.addTask { await runner.run(run) }
          }
          // After a long wait the leases are trusted only provisionally. They must be in the table by now, or the
          // heartbeat could go out without them, and the next one would come too late.
          if runs.contains(where: { !$0.state.value.trust.isConfirmed }) { keeper.poke() }
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
  }

  private func freeSlots(_ slots: Int) async throws -> Int {
    let state = try await table.state.first { $0.busySlots < slots }
    return min(slots - state.busySlots, LeaseRequest.maximumLeases)
  }

  /// Asks for leases. Of what comes after a drain began nothing is run: it is handed back at once.
  private func poll(atMost limit: Int, of kinds: [String]) async throws -> [LeaseRun] {
    let request = LeaseRequest(
      workerID: workerID, max: limit, queues: queues, kinds: kinds,
      waitSeconds: drain.plan.value.soft == nil ? Self.waitSeconds : Self.softWaitSeconds)
    let requestedAt = ContinuousClock.now
    let grants = try await leaseOrDrain(request)
    let receivedAt = ContinuousClock.now
    var runs = grants.map { LeaseRun(grant: $0, requestedAt: requestedAt, receivedAt: receivedAt) }
    if drain.isDraining {
      await handBack(runs, reason: "arrived after the worker began to drain")
      return []
    }
    // The soft state may have begun while the request waited.
    let admitted = Set(admittedKinds())
    let unwanted = runs.filter { !admitted.contains($0.grant.kind) }
    if !unwanted.isEmpty {
      await handBack(unwanted, reason: "jobs of this kind run long, and the instance may be taken away before long")
      runs.removeAll { !admitted.contains($0.grant.kind) }
    }
    return runs
  }

  /// The request, cut short by a drain.
  ///
  /// Simply hanging up could lose leases whose answer is on its way: they would expire and count as losses. So first
  /// the coordinator is told that this worker drains, after which it grants nothing more; what it granted before has
  /// a moment to arrive.
  private func leaseOrDrain(_ request: LeaseRequest) async throws -> [LeaseGrant] {
    try await withThrowingTaskGroup(of: [LeaseGrant]?.self) { group in
      group.addTask { try await client.lease(request) }
      group.addTask {
        try await drain.plan.first { $0.isDraining }
        _ = await race(before: .now + .seconds(1)) { await keeper.beat() }
        // The coordinator ends the request itself once it knows; this is for a slow network and a slow machine.
        try await Task.sleep(for: .seconds(1))
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

  /// The kinds that may be taken now.
  private func admittedKinds() -> [String] {
    let policy = drain.plan.value
    guard policy.soft != nil else { return kinds }
    return kinds.filter { policy.admits(typicalSeconds: table.typicalSeconds(kind: $0)) }
  }

  private func handBack(_ runs: [LeaseRun], reason: String) async {
    let deadline = ContinuousClock.now + .seconds(5)
    await withTaskGroup(of: Void.self) { group in
      for run in runs {
        logger.info("a lease is handed back unrun", metadata: run.metadata.merging(["reason": "\(reason)"]) { $1 })
        group.addTask {
          _ = await settlements.settle(
            Settlement(leaseID: run.id, outcome: .released, reason: reason), until: deadline)
        }
      }
    }
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
