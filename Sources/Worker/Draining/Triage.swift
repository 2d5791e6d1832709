import BatonShared

/// What is done with a job in flight when its worker is to go.
struct Triage: Sendable, Equatable {
  enum Decision: Sendable, Equatable {
    /// Let it run; the decision is taken again then, or sooner when something changes.
    case runOn(until: ContinuousClock.Instant)
    /// It saves a checkpoint and hands back now.
    case checkpoint
    /// It is stopped and handed back now, without another checkpoint.
    case release
  }

  /// What to expect of a job that runs on.
  enum Outlook: String, Sendable {
    case willFinish, willNotFinish, unknown
  }

  /// What is known of one job.
  struct Facts: Sendable {
    var behaviour: InterruptionBehaviour
    /// Seconds it still needs, by its own progress; nil when there is no telling.
    var secondsToGo: Double?
    /// How long its newest checkpoint took to save, in seconds.
    var checkpointSeconds: Double?
  }

  /// The time that there is.
  struct Window: Sendable {
    var deadline: ContinuousClock.Instant
    /// From the beginning of the drain to its deadline, in seconds.
    var length: Double
    /// What is kept at the end for a checkpoint of unknown cost, in seconds.
    var reserve: Double
    /// What it takes to report how a job ended, in seconds, as measured.
    var settleSeconds: Double

    /// When a job must have ended for its outcome to arrive.
    var finishBy: ContinuousClock.Instant { deadline - .seconds(min(settleSeconds, max(0, length) * 0.2)) }
  }

  /// A job's own rate is believed with this much on top.
  static let caution = 1.1

  let decision: Decision
  let outlook: Outlook
  /// For the log and the attempt's record.
  let reason: String

  /// How long before the deadline a job that will not finish is asked for its checkpoint, in seconds.
  ///
  /// The configured time, but not most of a short window; or as long as a checkpoint takes by measurement, and half as
  /// long again, and reporting it. A job that wants to `finish` gives up no more than what is measured.
  static func reserve(_ facts: Facts, _ window: Window) -> Double {
    let length = max(0, window.length)
    let measured = (facts.checkpointSeconds ?? 0) * 1.5 + window.settleSeconds + 0.5
    let configured = facts.behaviour == .finish ? measured : max(measured, window.reserve)
    let short = window.length > DrainPlan.minimum ? length * 0.4 : length
    return facts.checkpointSeconds == nil ? min(configured, short) : max(min(measured, length), min(configured, short))
  }

  /// Decides for one job. A decision to run on is taken again when anything changes.
  static func decide(_ facts: Facts, _ window: Window, at now: ContinuousClock.Instant) -> Triage {
    let left = (window.deadline - now).inSeconds
    let finishBy = window.finishBy
    switch facts.behaviour {
    case .release:
      return Triage(decision: .release, outlook: .unknown, reason: "released at once, as the job asks")
    case .checkpoint:
      return save(facts, until: finishBy, at: now, "asked for a checkpoint at once, as the job wishes")
    case .finish, .auto: break
    }
    if let seconds = facts.secondsToGo, now < finishBy, now + .seconds(seconds * caution) <= finishBy {
      return Triage(
        decision: .runOn(until: finishBy), outlook: .willFinish,
        reason: "needs \(seconds.tenths) s and will finish; \(left.tenths) s left")
    }
    let latest = window.deadline - .seconds(reserve(facts, window))
    let isUseless = facts.behaviour == .auto && facts.secondsToGo != nil && !canSave(facts, until: finishBy, at: now)
    if now < latest, !isUseless {
      // Whether it will finish or not, every second until then is work done.
      return Triage(
        decision: .runOn(until: latest), outlook: facts.secondsToGo == nil ? .unknown : .willNotFinish,
        reason: "\(need(facts, left)); runs until a checkpoint is due; \(left.tenths) s left")
    }
    // Nothing can be saved any more, but it may finish all the same: who knows.
    if facts.secondsToGo == nil, now < finishBy, !canSave(facts, until: finishBy, at: now) {
      return Triage(
        decision: .runOn(until: finishBy), outlook: .unknown,
        reason: "does not tell how long it needs, and there is no time to save; \(left.tenths) s left")
    }
    return save(
      facts, until: finishBy, at: now,
      "\(need(facts, left)); asked for a checkpoint \(left.tenths) s before the deadline")
  }

  /// What a job that is not sure to finish has told of itself.
  private static func need(_ facts: Facts, _ left: Double) -> String {
    guard let seconds = facts.secondsToGo else { return "does not tell how long it needs" }
    return "needs \(seconds.tenths) s and \(seconds > left ? "will" : "may") not finish"
  }

  /// A checkpoint if there is time for it by measurement; else another worker may as well begin now.
  private static func save(
    _ facts: Facts, until finishBy: ContinuousClock.Instant, at now: ContinuousClock.Instant, _ reason: String
  ) -> Triage {
    if canSave(facts, until: finishBy, at: now) {
      return Triage(
        decision: .checkpoint, outlook: facts.secondsToGo == nil ? .unknown : .willNotFinish, reason: reason)
    }
    let left = max(0, (finishBy - now).inSeconds)
    let needed = facts.checkpointSeconds ?? 0
    return Triage(
      decision: .release, outlook: .willNotFinish,
      reason: "released at once: a checkpoint takes \(needed.tenths) s, and \(left.tenths) s are left")
  }

  /// Whether a checkpoint can be saved in time; one that was never measured is tried.
  private static func canSave(
    _ facts: Facts, until finishBy: ContinuousClock.Instant, at now: ContinuousClock.Instant
  ) -> Bool {
    guard let seconds = facts.checkpointSeconds else { return true }
    return now + .seconds(seconds) <= finishBy
  }
}
