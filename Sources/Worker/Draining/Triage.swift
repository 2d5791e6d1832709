import BatonShared

/// What is done with a job in flight when its worker is to go.
struct Triage: Sendable, Equatable {
  enum Decision: Sendable, Equatable {
    /// Let it run until then; if it has not finished, it saves a checkpoint and hands back.
    case runOn(until: ContinuousClock.Instant)
    /// It saves a checkpoint and hands back now.
    case checkpoint
    /// It is stopped and handed back now, without another checkpoint.
    case release
  }

  /// What is known of one job.
  struct Facts: Sendable {
    var behaviour: InterruptionBehaviour
    /// Seconds it still needs, by its own progress; nil when there is no telling.
    var secondsToGo: Double?
    /// How long its newest checkpoint took to save, in seconds.
    var checkpointSeconds: Double?
  }

  let decision: Decision
  /// For the log and the attempt's record.
  let reason: String

  /// The part at the end of a window of `window` seconds that is kept for saving a checkpoint and handing back.
  ///
  /// - Parameters:
  ///   - configured: What is kept at least, in seconds, if the window is long enough.
  ///   - checkpointSeconds: How long the job's newest checkpoint took.
  static func reserve(window: Double, configured: Double, checkpointSeconds: Double?) -> Double {
    let wanted = max(configured, (checkpointSeconds ?? 0) * 2 + 1)
    // With next to no time there is nothing to run on for.
    return min(wanted, window > DrainPlan.minimum ? window * 0.4 : max(0, window))
  }

  /// Decides for one job. A decision to run on is taken again when anything changes.
  static func decide(
    _ facts: Facts, deadline: ContinuousClock.Instant, window: Double, reserve configured: Double,
    at now: ContinuousClock.Instant
  ) -> Triage {
    let left = (deadline - now).inSeconds
    let reserve = reserve(window: window, configured: configured, checkpointSeconds: facts.checkpointSeconds)
    let latest = deadline - .seconds(reserve)
    switch facts.behaviour {
    case .release:
      return Triage(decision: .release, reason: "released at once, as the job asks")
    case .checkpoint:
      return Triage(decision: .checkpoint, reason: "checkpointed at once, as the job asks")
    case .finish, .auto:
      guard now < latest else {
        return Triage(decision: .checkpoint, reason: "checkpointed, \(left.tenths) s before the deadline")
      }
      // Whether it will finish or not, every second until the reserve is work done; what differs is what to expect.
      let outlook =
        switch facts.secondsToGo {
        case let seconds? where now + .seconds(seconds) <= latest: "needs \(seconds.tenths) s and will finish"
        case let seconds?: "needs \(seconds.tenths) s and will not finish; runs until a checkpoint is due"
        case nil: "tells no progress; runs until a checkpoint is due"
        }
      return Triage(decision: .runOn(until: latest), reason: "\(outlook); \(left.tenths) s left")
    }
  }
}
