import BatonShared
import Logging

/// Carries out a drain: decides for each job in flight, again whenever something changes, until none is left.
struct DrainConductor: Sendable {
  let drain: DrainController
  let table: LeaseTable
  let keeper: LeaseKeeper
  /// What is kept at the end of the window for checkpoints, in seconds.
  let reserve: Double
  let metrics: WorkerMetrics
  let logger: Logger

  /// Ends only by cancellation.
  func run() async {
    guard let plan = try? await drain.plan.first(where: { $0.isDraining }), var current = plan.drain else { return }
    // The coordinator must not count on this worker for longer than necessary.
    keeper.poke()
    var told: Set<LeaseID> = []
    while !Task.isCancelled {
      let now = ContinuousClock.now
      var next = now + .milliseconds(500)
      for run in table.runs {
        next = min(next, decide(run, current, at: now, told: &told))
      }
      let deadline = current.deadline
      let changed = await drain.plan.first(before: next) { ($0.drain?.deadline ?? deadline) < deadline }
      if let shortened = changed?.drain {
        current = shortened
        keeper.poke()
      }
    }
  }

  /// - Returns: When to decide again.
  private func decide(
    _ run: LeaseRun, _ drain: DrainPlan.Drain, at now: ContinuousClock.Instant, told: inout Set<LeaseID>
  ) -> ContinuousClock.Instant {
    let state = run.state.value
    guard state.phase == .running, state.halt == nil else { return .now + .seconds(1) }
    if now >= drain.deadline {
      run.halt(.handBack(reason: "stopped and handed back at the deadline: \(drain.notice.description)"))
      return now + .seconds(1)
    }
    let kept = Triage.reserve(window: drain.window, configured: reserve, checkpointSeconds: state.checkpointSeconds)
    // What follows the stop: killing what is left, saving the newest checkpoint, settling.
    let closing = min(max(1, (state.checkpointSeconds ?? 0) * 1.5), kept / 2)
    let stopBy = drain.deadline - .seconds(closing)
    if state.interruption != nil {
      run.interrupt(
        InterruptionRequest(stopBy: stopBy, deadline: drain.deadline, notice: drain.notice, reason: ""))
      return stopBy
    }
    let facts = Triage.Facts(
      behaviour: run.grant.onInterruption, secondsToGo: state.progress.secondsToGo(at: now),
      checkpointSeconds: state.checkpointSeconds)
    let triage = Triage.decide(facts, deadline: drain.deadline, window: drain.window, reserve: reserve, at: now)
    let isFirst = told.insert(run.id).inserted
    switch triage.decision {
    case .runOn(let until):
      if isFirst { tell(run, "run_on", triage.reason) }
      return until
    case .checkpoint:
      tell(run, "checkpoint", triage.reason)
      run.interrupt(
        InterruptionRequest(
          stopBy: stopBy, deadline: drain.deadline, notice: drain.notice, reason: triage.reason))
      return stopBy
    case .release:
      tell(run, "release", triage.reason)
      let left = (drain.deadline - now).inSeconds
      run.halt(
        .handBack(
          reason: "handed back \(left.tenths) s before the deadline: \(drain.notice.description) (\(triage.reason))"))
      return now + .seconds(1)
    }
  }

  private func tell(_ run: LeaseRun, _ decision: String, _ reason: String) {
    metrics.triage(decision)
    logger.notice(
      "decided on a job in flight",
      metadata: run.metadata.merging(["decision": "\(decision)", "reason": "\(reason)"]) { $1 })
  }
}
