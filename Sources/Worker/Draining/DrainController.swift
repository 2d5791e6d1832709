import BatonShared
import Logging

/// Where every source of interruptions reports, and everybody who must react looks.
final class DrainController: Sendable {
  let plan: Watched<DrainPlan>
  private let metrics: WorkerMetrics
  private let logger: Logger

  init(grace: Double, metrics: WorkerMetrics, logger: Logger) {
    plan = Watched(DrainPlan(grace: grace))
    self.metrics = metrics
    self.logger = logger
  }

  var isDraining: Bool { plan.value.isDraining }

  /// Takes in a notice: the first begins the drain, a nearer one shortens it, the others change nothing.
  @discardableResult
  func receive(_ notice: InterruptionNotice) -> DrainPlan.Change {
    let now = ContinuousClock.now
    let (change, drain) = plan.update { plan in (plan.receive(notice, at: now), plan.drain) }
    guard let drain, change != .unchanged else { return change }
    metrics.interruption(notice)
    logger.notice(
      change == .began ? "draining: no more jobs are taken" : "the drain's deadline has come nearer",
      metadata: [
        "source": "\(notice.source)", "action": "\(notice.action)",
        "deadline_seconds": "\((drain.deadline - now).inSeconds.tenths)",
      ])
    return change
  }

  /// What the coordinator and people are told of it.
  var report: InterruptionReport? {
    guard let drain = plan.value.drain else { return nil }
    let left = ((drain.endsAt ?? drain.deadline) - .now).inSeconds
    return InterruptionReport(
      source: drain.notice.source, action: drain.notice.action, secondsLeft: max(0, (left * 1000).rounded() / 1000))
  }
}
