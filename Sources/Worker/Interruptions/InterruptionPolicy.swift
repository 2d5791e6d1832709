import BatonShared

/// What follows from everything that is known of interruptions: one policy for all sources.
///
/// A pure value: it is told what was seen and when, and never looks at a clock. The same event seen again is no new
/// event; once it drains, a time said to be later does not count. A drain never ends, its deadline only ever comes
/// nearer; and there is no soft state once it has begun.
struct InterruptionPolicy: Sendable {
  struct Settings: Sendable, Equatable {
    var onSpotNotice = InterruptionReaction.drain
    var onRebalance = InterruptionReaction.soft
    var onLifecycleState = InterruptionReaction.drain
    var onScheduledMaintenance = InterruptionReaction.drain
    /// How long a drain may last that names no time of its own, in seconds.
    var grace = 110.0
    /// Maintenance that is further away than this is waited for, in seconds.
    var maintenanceLead = 600.0
    /// How long the soft state lasts if nothing follows, in seconds.
    var softExpiry = 1200.0
    /// In the soft state, kinds whose jobs usually run longer than this are not taken, in seconds.
    var softMaxJob = 120.0

    func reaction(to kind: InterruptionEvent.Kind) -> InterruptionReaction {
      switch kind {
      case .spotNotice: onSpotNotice
      case .rebalance: onRebalance
      case .lifecycleState: onLifecycleState
      case .scheduledMaintenance: onScheduledMaintenance
      case .command: .drain
      }
    }
  }

  /// The instance may be taken away before long.
  struct Soft: Sendable, Equatable {
    let notice: InterruptionNotice
    let beganAt: ContinuousClock.Instant
    /// When it ends if nothing follows.
    let expiresAt: ContinuousClock.Instant
  }

  enum Change: Sendable, Equatable {
    /// The drain begins.
    case began
    /// The drain's deadline has come nearer.
    case shortened
    /// The soft state begins.
    case softened
    /// It is too far away to do anything yet; it will be asked about again.
    case deferred
    case ignored
    /// Nothing that was not so before.
    case unchanged
  }

  struct Outcome: Sendable, Equatable {
    var change: Change
    /// Whether the event had not been seen before.
    var isNew: Bool
  }

  private enum Standing: Sendable {
    case waiting, ignored, softened, drained
  }

  private struct Known: Sendable {
    var endsAt: ContinuousClock.Instant?
    var standing: Standing
  }

  /// Two readings of one time differ by this much because there are two clocks, in seconds.
  static let tolerance = 0.5

  let settings: Settings
  private(set) var soft: Soft?
  private var plan: DrainPlan
  private var known: [InterruptionEvent.Identity: Known] = [:]

  init(settings: Settings = Settings()) {
    self.settings = settings
    plan = DrainPlan(grace: settings.grace)
  }

  /// What is announced and too far away to do anything yet.
  var waiting: Set<InterruptionEvent.Identity> { Set(known.filter { $0.value.standing == .waiting }.keys) }
  var drain: DrainPlan.Drain? { plan.drain }
  var isDraining: Bool { plan.isDraining }

  /// Takes in what a source saw.
  mutating func receive(_ event: InterruptionEvent, at now: ContinuousClock.Instant) -> Outcome {
    let earlier = known[event.identity]
    let isNew = earlier == nil
    var notice = event.notice
    var endsAt = notice.secondsLeft.map { now + .seconds(min(max($0, 0), 86_400 * 365)) }
    var isNearer = false
    // What is only waited for may be put off: its newest time counts.
    if let earlier, earlier.standing != .waiting {
      if let before = earlier.endsAt, endsAt.map({ $0 > before - .seconds(Self.tolerance) }) ?? true {
        // Said to be later now, or at about the same time: what was said first stands.
        endsAt = before
        notice.secondsLeft = (before - now).inSeconds
      } else {
        isNearer = endsAt != nil
      }
    }
    let (change, standing) = react(to: event.kind, notice, earlier?.standing, isNearer: isNearer, at: now)
    known[event.identity] = Known(endsAt: endsAt, standing: standing)
    return Outcome(change: change, isNew: isNew)
  }

  private mutating func react(
    to kind: InterruptionEvent.Kind, _ notice: InterruptionNotice, _ earlier: Standing?, isNearer: Bool,
    at now: ContinuousClock.Instant
  ) -> (Change, Standing) {
    switch settings.reaction(to: kind) {
    case .ignore:
      return (earlier == nil ? .ignored : .unchanged, .ignored)
    case .drain, .soft:
      if kind == .scheduledMaintenance, let left = notice.secondsLeft, left > settings.maintenanceLead {
        return (earlier == nil ? .deferred : .unchanged, .waiting)
      }
    }
    if settings.reaction(to: kind) == .soft {
      guard !isDraining, earlier != .softened else { return (.unchanged, .softened) }
      let expiry = now + .seconds(settings.softExpiry)
      // Two recommendations do not make it last longer than the later of them would.
      soft = Soft(notice: soft?.notice ?? notice, beganAt: soft?.beganAt ?? now, expiresAt: expiry)
      return (.softened, .softened)
    }
    if earlier == .drained, !isNearer { return (.unchanged, .drained) }
    let change: Change =
      switch plan.receive(notice, at: now) {
      case .began: .began
      case .shortened: .shortened
      case .unchanged: .unchanged
      }
    soft = nil
    return (change, .drained)
  }

  /// Forgets what these sources announced and do not any more: a recommendation is withdrawn, maintenance is called off.
  ///
  /// A drain goes on.
  /// - Parameter events: All that they say now.
  /// - Returns: Whether that ended the soft state.
  mutating func forget(_ sources: Set<String>, except events: [InterruptionEvent]) -> Bool {
    let standing = Set(events.map(\.identity))
    known = known.filter { identity, known in
      known.standing == .drained || !sources.contains(identity.source) || standing.contains(identity)
    }
    guard let notice = soft?.notice, sources.contains(notice.source),
      !events.contains(where: { $0.notice.source == notice.source && $0.notice.action == notice.action })
    else { return false }
    soft = nil
    return true
  }

  /// Ends the soft state when its time has come.
  ///
  /// The recommendation may stand in the metadata for ever; it stays known, so that it does not begin anew. One that was
  /// only played does not stand anywhere, and may be played again.
  /// - Returns: Whether that ended it.
  mutating func expire(at now: ContinuousClock.Instant) -> Bool {
    guard let soft, now >= soft.expiresAt else { return false }
    self.soft = nil
    known = known.filter { $0.key.source != "simulated" || $0.value.standing == .drained }
    return true
  }

  /// Whether a job may be taken.
  ///
  /// - Parameter typicalSeconds: How long jobs of its kind usually run here; nil when there is no telling.
  func admits(typicalSeconds: Double?) -> Bool {
    if isDraining { return false }
    guard soft != nil, let typicalSeconds else { return true }
    return typicalSeconds <= settings.softMaxJob
  }
}
