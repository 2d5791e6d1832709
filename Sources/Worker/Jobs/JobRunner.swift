import BatonJSON
import BatonShared
import BatonThreads
import Logging

/// Runs the job of one lease, from the call of its handler to the settlement.
struct JobRunner: Sendable {
  /// How a handler ended, and what it had been told at that very moment: a stop that comes later changes nothing.
  private struct Ended: Sendable {
    let result: Result<RawJSON?, any Error>
    let halt: Halt?
  }

  /// What is kept of a drain for reporting how the last jobs ended.
  private static let settlingTime = Duration.milliseconds(200)

  let handlers: [String: any JobHandler]
  let executor: ThreadExecutor
  let client: CoordinatorClient
  let settlements: SettlementSender
  let table: LeaseTable
  let drain: DrainController
  let metrics: WorkerMetrics
  let logger: Logger

  func run(_ run: LeaseRun) async {
    guard let handler = handlers[run.grant.kind] else {
      table.freeSlot()
      let error = JobFailure(code: "unknown_kind", message: "this worker has no handler for '\(run.grant.kind)'")
      return await settle(run, Settlement(leaseID: run.id, outcome: .failed, error: error), startedAt: .now)
    }
    if drain.isDraining {
      // The drain began between the reply and this line.
      table.freeSlot()
      let reason = "not begun: the worker drains"
      return await settle(run, Settlement(leaseID: run.id, outcome: .released, reason: reason), startedAt: .now)
    }
    let startedAt = ContinuousClock.now
    run.state.update { state in
      state.phase = .running
      state.startedAt = startedAt
      state.savesAfterStop = handler is any SelfStoppingHandler
    }
    let log = JobLog(run: run, client: client, logger: logger)
    let context = JobContext(run: run, log: log, client: client, metrics: metrics, logger: logger)
    context.logger.info("a job starts", metadata: ["lease": "\(run.id.abbreviated)"])

    let ending = await withTaskGroup(of: Void.self) { group in
      group.addTask { await log.ship() }
      let ending = await supervise(run, handler, context)
      log.close()
      // The end of the log is worth a moment, but not the lease: it goes out before the settlement or not at all.
      let patience = ContinuousClock.now + .seconds(2)
      let drained = drain.plan.value.drain.map { $0.deadline - Self.settlingTime / 2 }
      let bound = min(patience, run.state.value.reportUntil, drained ?? patience)
      await withTaskGroup(of: Void.self) { waiting in
        waiting.addTask { try? await Task.sleep(until: bound, clock: .continuous) }
        waiting.addTask { await log.waitUntilShipped() }
        await waiting.next()
        waiting.cancelAll()
      }
      group.cancelAll()
      return ending
    }
    switch Verdict.of(ending, lease: run.id) {
    case .settle(let settlement):
      await settle(run, settlement, startedAt: startedAt)
    case .handBackIfHeld(let settlement):
      // Renewed after it was given up: the coordinator was away, and nobody else has the job.
      let patience = ContinuousClock.now + .seconds(run.grant.leaseTTLSeconds * 2)
      let state = await run.state.first(before: patience) { $0.halt == .lost || $0.trust.isTrusted(at: .now) }
      if let state, state.halt != .lost {
        await settle(run, settlement, startedAt: startedAt)
      } else {
        giveUp(run, startedAt: startedAt)
      }
    case .nothing:
      giveUp(run, startedAt: startedAt)
    }
  }

  private func giveUp(_ run: LeaseRun, startedAt: ContinuousClock.Instant) {
    logger.warning("the lease of a job is lost: nothing is reported of it", metadata: run.metadata)
    conclude(run, outcome: "lost", startedAt: startedAt)
  }

  // MARK: Supervising

  /// Calls the handler and waits for its end, or until it has been told to stop and did not in time.
  private func supervise(_ run: LeaseRun, _ handler: any JobHandler, _ context: JobContext) async -> Verdict.Ending {
    let ended = Watched<Ended?>(nil)
    let table = table
    // A task of its own, not a child: a handler that ignores its cancellation must not hold up the settlement. Its slot
    // is free only when it has returned.
    let task = Task(executorPreference: executor) {
      let result: Result<RawJSON?, any Error>
      do {
        result = .success(try await handler.run(context))
      } catch {
        result = .failure(error)
      }
      let halt = run.state.value.halt
      ended.update { $0 = Ended(result: result, halt: halt) }
      table.freeSlot()
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await enforceTimeLimits(run) }
      group.addTask { await stopWhenTold(run, handler, task, ended) }
      _ = try? await ended.first { $0 != nil || run.state.value.phase == .settling }
      group.cancelAll()
    }
    let end = ended.value
    let state = run.state.update { state in
      state.phase = .settling
      return state
    }
    if end == nil {
      task.cancel()
      context.logger.warning("a job did not end when it was stopped; it is settled without it")
    }
    // Of a lease that is known to be gone nothing is reported, whenever that became known.
    let halt = state.halt == .lost ? .lost : end.map(\.halt) ?? state.halt
    return Verdict.Ending(
      result: end?.result, halt: halt, interruption: state.interruption, triage: state.triage,
      hasCheckpoint: state.savedCheckpoints > state.savedBeforeInterruption, endedAt: .now)
  }

  private func enforceTimeLimits(_ run: LeaseRun) async {
    await withTaskGroup(of: Void.self) { group in
      if let seconds = run.grant.timeoutSeconds {
        group.addTask {
          guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return }
          run.halt(.timeout(seconds: seconds))
        }
      }
      group.addTask {
        // The time of an interruption may come nearer while it is waited for.
        while let request = try? await run.state.first(where: { $0.interruption != nil }).interruption {
          let isNearer = await run.state.first(before: request.stopBy) {
            ($0.interruption?.stopBy ?? request.stopBy) < request.stopBy
          }
          if Task.isCancelled { return }
          if isNearer == nil {
            let left = (request.deadline - .now).inSeconds
            let when = "\(left.tenths) s before the deadline, since it did not hand back by itself"
            run.halt(
              .handBack(reason: DrainConductor.stopped(when, request.notice, run.state.value.triage)))
            return
          }
        }
      }
    }
  }

  /// Carries out a halt: cancels the handler, and gives it up when it takes no notice.
  private func stopWhenTold(
    _ run: LeaseRun, _ handler: any JobHandler, _ task: Task<Void, Never>, _ ended: Watched<Ended?>
  ) async {
    guard let halt = try? await run.state.first(where: { $0.halt != nil }).halt else { return }
    if !(handler is any SelfStoppingHandler) { task.cancel() }
    var patience = ContinuousClock.now + .seconds(halt.grace(ttl: run.grant.leaseTTLSeconds) + 1)
    // Until shortly before the end of the drain: the newest checkpoint may be on its way.
    if case .handBack = halt, let deadline = drain.plan.value.drain?.deadline {
      patience = deadline - Self.settlingTime
    }
    _ = await ended.first(before: patience) { $0 != nil }
    if Task.isCancelled || ended.value != nil { return }
    run.state.update { $0.phase = .settling }
    // Wakes the supervisor, which looks at the phase.
    ended.update { _ in }
  }

  // MARK: Settling

  private func settle(_ run: LeaseRun, _ settlement: Settlement, startedAt: ContinuousClock.Instant) async {
    run.state.update { $0.phase = .settling }
    // The coordinator may be down for longer than the lease lasts: as long as nobody has reaped it, it still counts.
    var deadline = max(run.state.value.trust.trustedUntil, .now) + .seconds(60 + 2 * run.grant.leaseTTLSeconds)
    if let drain = drain.plan.value.drain { deadline = min(deadline, max(drain.deadline, .now) + .seconds(1)) }
    let status = await settlements.settle(settlement, until: deadline)
    switch status {
    case .accepted?:
      var metadata = run.metadata
      metadata["outcome"] = "\(settlement.outcome.rawValue)"
      metadata["seconds"] = "\((ContinuousClock.now - startedAt).inSeconds.tenths)"
      if let reason = settlement.reason ?? settlement.error?.message { metadata["reason"] = "\(reason)" }
      logger.info("a job has ended", metadata: metadata)
      conclude(run, outcome: settlement.outcome.rawValue, startedAt: startedAt)
    case .lost?:
      logger.warning("the outcome of a job was not accepted: its lease is lost", metadata: run.metadata)
      conclude(run, outcome: "lost", startedAt: startedAt)
    case nil:
      logger.error("the outcome of a job could not be reported; its lease will expire", metadata: run.metadata)
      conclude(run, outcome: "unreported", startedAt: startedAt)
    }
  }

  private func conclude(_ run: LeaseRun, outcome: String, startedAt: ContinuousClock.Instant) {
    metrics.job(kind: run.grant.kind, outcome: outcome, seconds: (ContinuousClock.now - startedAt).inSeconds)
    table.remove(run)
  }
}
