import BatonShared
import Logging

/// Where every source of interruptions reports, and everybody who must react looks.
final class DrainController: Sendable {
  let plan: Watched<InterruptionPolicy>
  private let metrics: WorkerMetrics
  private let logger: Logger

  init(settings: InterruptionPolicy.Settings, metrics: WorkerMetrics, logger: Logger) {
    plan = Watched(InterruptionPolicy(settings: settings))
    self.metrics = metrics
    self.logger = logger
  }

  var isDraining: Bool { plan.read { $0.isDraining } }

  /// Takes in somebody's word that this worker is to go: the first begins the drain, a nearer one shortens it, the others
  /// change nothing.
  @discardableResult
  func receive(_ notice: InterruptionNotice) -> InterruptionPolicy.Change {
    receive(InterruptionEvent(kind: .command, notice: notice))
  }

  /// Takes in what a source saw; the policy decides what follows.
  @discardableResult
  func receive(_ event: InterruptionEvent) -> InterruptionPolicy.Change {
    let now = ContinuousClock.now
    let (outcome, policy) = plan.update { policy in (policy.receive(event, at: now), policy) }
    if outcome.isNew { metrics.interruption(event.notice) }
    var metadata: Logger.Metadata = ["source": "\(event.notice.source)", "action": "\(event.notice.action)"]
    if let left = event.notice.secondsLeft { metadata["seconds_left"] = "\(left.tenths)" }
    if let drain = policy.drain { metadata["deadline_seconds"] = "\((drain.deadline - now).inSeconds.tenths)" }
    switch outcome.change {
    case .began:
      metrics.drainBegan()
      logger.notice("draining: no more jobs are taken", metadata: metadata)
    case .shortened: logger.notice("the drain's deadline has come nearer", metadata: metadata)
    case .softened:
      logger.notice(
        "this instance may be taken away: for a while no jobs are taken that usually run long", metadata: metadata)
    case .deferred: logger.notice("an interruption is announced that is far away yet", metadata: metadata)
    case .ignored: logger.notice("an interruption is announced; it is ignored, as configured", metadata: metadata)
    case .unchanged:
      if outcome.isNew { logger.info("an interruption is announced that changes nothing", metadata: metadata) }
    }
    return outcome.change
  }

  /// Takes in everything that some sources say at this moment: what they do not say any more is forgotten.
  func observe(_ events: [InterruptionEvent], of sources: Set<String>) {
    let (endsSoftState, calledOff) = plan.update { policy in
      let waiting = policy.waiting
      return (policy.forget(sources, except: events), waiting.subtracting(policy.waiting))
    }
    if endsSoftState { logger.notice("the recommendation is withdrawn: all kinds of job are taken again") }
    for event in calledOff {
      logger.notice(
        "an interruption that was announced is called off",
        metadata: ["source": "\(event.source)", "action": "\(event.action)"])
    }
    // Of two of a kind the nearer one counts.
    var nearest: [InterruptionEvent.Identity: InterruptionEvent] = [:]
    for event in events {
      let left = event.notice.secondsLeft ?? .infinity
      if let other = nearest[event.identity], (other.notice.secondsLeft ?? .infinity) <= left { continue }
      nearest[event.identity] = event
    }
    for event in nearest.values { receive(event) }
  }

  /// Ends the soft state if its time has come.
  func expireSoftState() -> Bool { plan.update { $0.expire(at: .now) } }

  /// What the coordinator and people are told of it.
  var report: InterruptionReport? {
    let policy = plan.value
    guard let drain = policy.drain else {
      return policy.soft.map { soft in
        InterruptionReport(
          source: soft.notice.source, action: soft.notice.action,
          secondsLeft: soft.notice.secondsLeft.map { Self.left(until: soft.beganAt + .seconds($0)) })
      }
    }
    return InterruptionReport(
      source: drain.notice.source, action: drain.notice.action,
      secondsLeft: Self.left(until: drain.endsAt ?? drain.deadline))
  }

  private static func left(until end: ContinuousClock.Instant) -> Double {
    max(0, ((end - .now).inSeconds * 1000).rounded() / 1000)
  }
}
