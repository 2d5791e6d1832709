import BatonShared
import Logging

/// Carries out a drain: decides for each job in flight, again whenever something changes, until none is left.
struct DrainConductor: Sendable {
  let drain: DrainController
  let table: LeaseTable
  let keeper: LeaseKeeper
  let roundTrips: RoundTrips
  /// What is kept at the end of the window for checkpoints, in seconds.
  let reserve: Double
  let metrics: WorkerMetrics
  let logger: Logger

  /// Ends only by cancellation.
  func run() async {
    guard let plan = try? await drain.plan.first(where: { $0.isDraining }), var current = plan.drain else { return }
    // The coordinator must not count on this worker for longer than necessary.
    keeper.poke()
    while !Task.isCancelled {
      let now = ContinuousClock.now
      var next = now + .milliseconds(500)
      for run in table.runs {
        next = min(next, decide(run, current, at: now))
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
    _ run: LeaseRun, _ drain: DrainPlan.Drain, at now: ContinuousClock.Instant
  ) -> ContinuousClock.Instant {
    let state = run.state.value
    guard state.phase == .running, state.halt == nil else { return .now + .seconds(1) }
    if now >= drain.deadline {
      run.halt(.handBack(reason: Self.stopped("at the deadline", drain.notice, state.triage)))
      return now + .seconds(1)
    }
    if state.interruption != nil {
      let stopBy = Self.stopBy(state, drain, at: now)
      run.interrupt(
        InterruptionRequest(stopBy: stopBy, deadline: drain.deadline, notice: drain.notice, reason: ""))
      return stopBy
    }
    let facts = Triage.Facts(
      behaviour: run.grant.onInterruption, secondsToGo: state.progress.secondsToGo(at: now),
      checkpointSeconds: state.checkpointSeconds)
    let window = Triage.Window(
      deadline: drain.deadline, length: drain.window, reserve: reserve, settleSeconds: roundTrips.settleSeconds)
    let triage = Triage.decide(facts, window, at: now)
    switch triage.decision {
    case .runOn(let until):
      tell(run, "run_on", triage, drain, before: state.triage)
      return until
    case .checkpoint:
      tell(run, "checkpoint", triage, drain, before: state.triage)
      let stopBy = Self.stopBy(state, drain, at: now)
      run.interrupt(
        InterruptionRequest(stopBy: stopBy, deadline: drain.deadline, notice: drain.notice, reason: triage.reason))
      return stopBy
    case .release:
      tell(run, "release", triage, drain, before: state.triage)
      let left = (drain.deadline - now).inSeconds
      run.halt(
        .handBack(
          reason: "handed back \(left.tenths) s before the deadline: \(drain.notice.description) (\(triage.reason))"))
      return now + .seconds(1)
    }
  }

  /// When a job that was asked to hand back is stopped.
  ///
  /// A handler saves by itself until then. Of a program the newest whole file is uploaded after its end, which takes
  /// time of its own: as long as the checkpoint before.
  private static func stopBy(
    _ state: LeaseRun.State, _ drain: DrainPlan.Drain, at now: ContinuousClock.Instant
  ) -> ContinuousClock.Instant {
    let left = (drain.deadline - now).inSeconds
    var closing = min(1, left / 2)
    if state.savesAfterStop, let seconds = state.checkpointSeconds {
      closing = min(seconds * 1.2 + 0.3, left * 0.8)
    }
    return drain.deadline - .seconds(closing)
  }

  /// For the record of an attempt that did not end by itself.
  static func stopped(_ when: String, _ notice: InterruptionNotice, _ triage: LeaseRun.TriageNote?) -> String {
    let why = triage.map { " (\($0.reason))" } ?? ""
    return "stopped and handed back \(when): \(notice.description)\(why)"
  }

  /// Puts a decision on record; each that differs from the one before is logged and counted.
  private func tell(
    _ run: LeaseRun, _ decision: String, _ triage: Triage, _ drain: DrainPlan.Drain, before: LeaseRun.TriageNote?
  ) {
    let note = LeaseRun.TriageNote(
      decision: decision, outlook: triage.outlook, reason: triage.reason, notice: drain.notice,
      deadline: drain.deadline)
    if let before, before.decision == decision, before.outlook == triage.outlook { return }
    run.state.update { $0.triage = note }
    if before?.decision != decision { metrics.triage(decision) }
    logger.notice(
      "decided on a job in flight",
      metadata: run.metadata.merging(["decision": "\(decision)", "reason": "\(triage.reason)"]) { $1 })
  }
}
