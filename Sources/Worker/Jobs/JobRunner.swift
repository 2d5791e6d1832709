import BatonJSON
import BatonShared
import BatonThreads
import Logging

/// Runs the jobs of leases, from the call of its handler to the verdict on it.
///
/// A slot is one task that takes one job after the other. A job that ends by itself costs no task of its own; one is
/// started to supervise it when it has a time limit, or is told to stop.
///
/// An object, not a value: every job keeps hold of it, and all that it is made of would be counted each time.
final class JobRunner: Sendable {
  /// What is kept of a drain for reporting how the last jobs ended.
  private static let settlingTime = Duration.milliseconds(200)

  let handlers: [String: any JobHandler]
  let executor: ThreadExecutor
  let client: CoordinatorClient
  let reporter: JobReporter
  let table: LeaseTable
  let drain: DrainController
  let metrics: WorkerMetrics
  let logger: Logger

  init(
    handlers: [String: any JobHandler], executor: ThreadExecutor, client: CoordinatorClient, reporter: JobReporter,
    table: LeaseTable, drain: DrainController, metrics: WorkerMetrics, logger: Logger
  ) {
    self.handlers = handlers
    self.executor = executor
    self.client = client
    self.reporter = reporter
    self.table = table
    self.drain = drain
    self.metrics = metrics
    self.logger = logger
  }

  /// Begins jobs that wait, as far as slots are free.
  func fillSlots() {
    guard table.openSlot() else { return }
    JobSlot().start(on: executor) { [self] in await work($0) }
  }

  private func work(_ slot: JobSlot) async {
    var seconds: Double?
    while let run = table.next(after: seconds) {
      fillSlots()
      slot.enter(run.id)
      await self.run(run, in: slot)
      guard slot.leave() else {
        table.closeSlot()
        return fillSlots()
      }
      seconds = run.seconds ?? 0
    }
  }

  private func run(_ run: LeaseRun, in slot: JobSlot) async {
    guard let handler = handlers[run.grant.kind] else {
      let error = JobFailure(code: "unknown_kind", message: "this worker has no handler for '\(run.grant.kind)'")
      return reporter.settle(run, Settlement(leaseID: run.id, outcome: .failed, error: error))
    }
    // The drain may have begun a moment ago, and what waits not been taken away yet.
    if drain.isDraining { return reporter.handBack([run], .drain) }
    let log = JobLog(run: run, client: client, logger: logger)
    let mayBegin = run.begin(savesAfterStop: handler is any SelfStoppingHandler) { [self] run in
      Task { await supervise(run, handler, slot, log) }
    }
    // Stopped while it waited.
    guard mayBegin else { return end(run, nil, log) }
    if run.grant.timeoutSeconds != nil { run.supervise() }
    logger.info("a job starts", metadata: run.metadata.merging(["lease": "\(run.id.abbreviated)"]) { $1 })
    let result: Result<RawJSON?, any Error>
    do {
      result = .success(
        try await handler.run(JobContext(run: run, log: log, client: client, metrics: metrics, logger: logger)))
    } catch {
      result = .failure(error)
    }
    end(run, result, log)
  }

  // MARK: Ending

  /// - Parameter result: Nil when the handler is not waited for any longer.
  private func end(_ run: LeaseRun, _ result: Result<RawJSON?, any Error>?, _ log: JobLog) {
    guard let ending = run.end(with: result) else { return }
    if let seconds = run.seconds { table.runTimes.record(kind: run.grant.kind, seconds: seconds) }
    guard log.close() else { return report(run, ending) }
    Task {
      // The end of the log is worth a moment, but not the lease: it goes out before the settlement or not at all.
      let patience = ContinuousClock.now + .seconds(10)
      await log.finish {
        // A drain may begin meanwhile.
        let drained = drain.plan.value.drain.map { $0.deadline - Self.settlingTime / 2 }
        return min(patience, run.state.value.reportUntil, drained ?? patience)
      }
      report(run, ending)
    }
  }

  private func report(_ run: LeaseRun, _ ending: Verdict.Ending) {
    switch Verdict.of(ending, lease: run.id) {
    case .settle(let settlement):
      reporter.settle(run, settlement)
    case .handBackIfHeld(let settlement):
      Task {
        // Renewed after it was given up: the coordinator was away, and nobody else has the job.
        let patience = ContinuousClock.now + .seconds(run.grant.leaseTTLSeconds * 2)
        let state = await run.state.first(before: patience) { $0.halt == .lost || $0.trust.isTrusted(at: .now) }
        if let state, state.halt != .lost {
          reporter.settle(run, settlement)
        } else {
          reporter.drop(run)
        }
      }
    case .nothing:
      reporter.drop(run)
    }
  }

  // MARK: Supervising

  /// Stops a job when it is to stop, and gives its handler up when that takes no notice. Then the job is settled without
  /// it; its slot is free only when it has returned.
  private func supervise(_ run: LeaseRun, _ handler: any JobHandler, _ slot: JobSlot, _ log: JobLog) async {
    guard let halt = await halt(of: run) else { return }
    if !(handler is any SelfStoppingHandler) { slot.cancel(run.id) }
    var patience = ContinuousClock.now + .seconds(halt.grace(ttl: run.grant.leaseTTLSeconds) + 1)
    // Until shortly before the end of the drain: the newest checkpoint may be on its way.
    if case .handBack = halt, let deadline = drain.plan.value.drain?.deadline {
      patience = deadline - Self.settlingTime
    }
    guard await run.state.first(before: patience, where: { $0.phase != .running }) == nil else { return }
    logger.warning("a job did not end when it was stopped; it is settled without it", metadata: run.metadata)
    end(run, nil, log)
  }

  /// Waits until the job is stopped, or stops it when its time is over.
  /// - Returns: Nil when it ended before.
  private func halt(of run: LeaseRun) async -> Halt? {
    while true {
      let state = run.state.value
      guard state.phase == .running else { return nil }
      if let halt = state.halt { return halt }
      // The time of an interruption may come nearer while it is waited for.
      let stopBy = state.interruption?.stopBy
      let timeout = run.grant.timeoutSeconds.flatMap { seconds in state.startedAt.map { $0 + .seconds(seconds) } }
      let wake = [stopBy, timeout].compactMap { $0 }.min() ?? .now + .seconds(3600)
      let isTold = await run.state.first(before: wake) { state in
        state.phase != .running || state.halt != nil || state.interruption?.stopBy != stopBy
      }
      if isTold != nil { continue }
      if let seconds = run.grant.timeoutSeconds, timeout == wake {
        run.halt(.timeout(seconds: seconds))
      } else if let request = state.interruption, stopBy == wake {
        let left = (request.deadline - .now).inSeconds
        let when = "\(left.tenths) s before the deadline, since it did not hand back by itself"
        run.halt(.handBack(reason: DrainConductor.stopped(when, request.notice, state.triage)))
      }
    }
  }
}
