import BatonShared

/// A word that the instance, or this worker, is going away.
struct InterruptionNotice: Sendable, Equatable {
  /// Where it came from: `ec2_spot`, `signal`, `operator`, `coordinator`, `simulated`, `parent`.
  var source: String
  /// What will happen: `terminate`, `stop`, `hibernate`, `drain`.
  var action: String
  /// Seconds until then; nil when the source names no time.
  var secondsLeft: Double?

  /// - Parameter secondsLeft: What the source says. A hibernation that it gives a time for begins at once, whatever time
  ///   that is (EC2 user guide, "Spot Instance interruption notices").
  init(source: String, action: String, secondsLeft: Double?) {
    self.source = source
    self.action = action
    self.secondsLeft = action == "hibernate" ? secondsLeft.map { _ in 0 } : secondsLeft
  }

  var description: String { "\(source) \(action)" }
}

/// Whether and until when this worker drains: one policy for all sources.
///
/// A pure value: it is told what happened and when, and never looks at a clock. Once begun a drain never ends, and its
/// deadline only ever comes nearer.
struct DrainPlan: Sendable {
  struct Drain: Sendable, Equatable {
    let beganAt: ContinuousClock.Instant
    /// When everything must have been handed back.
    fileprivate(set) var deadline: ContinuousClock.Instant
    /// The notice that the deadline comes from.
    fileprivate(set) var notice: InterruptionNotice
    /// When the instance goes, if a source said so.
    fileprivate(set) var endsAt: ContinuousClock.Instant?

    /// How long the drain lasts at the most, in seconds.
    var window: Double { (deadline - beganAt).inSeconds }

    /// Until when the answer to a request for leases is waited for that was on its way when the drain began: a lease
    /// that is granted and not received is left to expire. A third of the window, at most 10 seconds; but in any case
    /// until `heard + 1 s`, where the deadline allows.
    ///
    /// - Parameter heard: When the coordinator had been told of the drain.
    func answersUntil(heard: ContinuousClock.Instant) -> ContinuousClock.Instant {
      min(deadline, max(beganAt + .seconds(min(10, window / 3)), heard + .seconds(1)))
    }
  }

  enum Change: Sendable, Equatable {
    case began
    case shortened
    case unchanged
  }

  /// How long a drain may last that names no time of its own, in seconds.
  let grace: Double
  private(set) var drain: Drain?

  init(grace: Double) {
    self.grace = grace
  }

  var isDraining: Bool { drain != nil }

  /// Of an announced time that has come or passed, so many seconds are hoped for all the same: dying in the middle of a
  /// hand-over costs no more than not trying.
  static let minimum = 1.0

  /// What is kept of an announced time as a margin: the clocks of this machine and of the cloud are two.
  static func margin(secondsLeft: Double) -> Double { min(2, max(0, secondsLeft) * 0.1) }

  mutating func receive(_ notice: InterruptionNotice, at now: ContinuousClock.Instant) -> Change {
    let endsAt = notice.secondsLeft.map { now + .seconds(min(max($0, 0), 86_400 * 30)) }
    let deadline =
      if let left = notice.secondsLeft, let endsAt {
        max(endsAt - .seconds(Self.margin(secondsLeft: left)), now + .seconds(Self.minimum))
      } else {
        now + .seconds(grace)
      }
    guard var drain else {
      self.drain = Drain(beganAt: now, deadline: deadline, notice: notice, endsAt: endsAt)
      return .began
    }
    if let endsAt { drain.endsAt = min(drain.endsAt ?? endsAt, endsAt) }
    guard deadline < drain.deadline else {
      self.drain = drain
      return .unchanged
    }
    drain.deadline = deadline
    // A signal that comes after a notice is the notice's consequence: what people want to read is the first.
    if notice.secondsLeft != nil || drain.notice.secondsLeft == nil { drain.notice = notice }
    self.drain = drain
    return .shortened
  }
}
