import BatonMetadataDouble
import BatonShared
import Testing

@testable import BatonWorker

@Suite struct InterruptionPolicyTests {
  typealias Kind = InterruptionEvent.Kind

  private let start = ContinuousClock.now

  private func event(
    _ kind: Kind, _ seconds: Double? = nil, source: String? = nil, action: String = "terminate", instance: String = ""
  ) -> InterruptionEvent {
    InterruptionEvent(
      kind: kind, instance: instance,
      notice: InterruptionNotice(source: source ?? "\(kind)", action: action, secondsLeft: seconds))
  }

  private func settings(_ kind: Kind, _ reaction: InterruptionReaction) -> InterruptionPolicy.Settings {
    var settings = InterruptionPolicy.Settings(grace: 60, maintenanceLead: 300, softExpiry: 100, softMaxJob: 30)
    switch kind {
    case .spotNotice: settings.onSpotNotice = reaction
    case .rebalance: settings.onRebalance = reaction
    case .lifecycleState: settings.onLifecycleState = reaction
    case .scheduledMaintenance: settings.onScheduledMaintenance = reaction
    case .command: break
    }
    return settings
  }

  /// Every kind with every reaction and every time, first on its own and then while something else is going on.
  @Test(arguments: Kind.allCases, InterruptionReaction.allCases)
  func eachKindDoesWhatItsSettingSays(kind: Kind, reaction: InterruptionReaction) {
    let reaction = kind == .command ? .drain : reaction
    for seconds in [nil, -5, 0, 0.5, 3, 30, 120, 299, 400, 3600, 1_000_000] as [Double?] {
      for before in [nil, "soft", "draining"] {
        var policy = InterruptionPolicy(settings: settings(kind, reaction))
        if before == "soft" { _ = policy.receive(event(.rebalance, source: "other"), at: start) }
        if before == "draining" { _ = policy.receive(event(.command, source: "sigterm"), at: start) }
        let wasSoft = policy.soft != nil
        let wasDraining = policy.isDraining
        let deadlineBefore = policy.drain?.deadline
        let outcome = policy.receive(event(kind, seconds), at: start)
        let label = "\(kind) \(reaction) \(String(describing: seconds)) \(before ?? "idle")"
        #expect(outcome.isNew, "\(label)")
        let isFar = kind == .scheduledMaintenance && (seconds ?? 0) > 300 && reaction != .ignore
        switch (reaction, isFar) {
        case (.ignore, _):
          #expect(outcome.change == .ignored, "\(label)")
          #expect(policy.isDraining == wasDraining && (policy.soft != nil) == wasSoft, "\(label)")
        case (_, true):
          #expect(outcome.change == .deferred, "\(label)")
          #expect(policy.isDraining == wasDraining && (policy.soft != nil) == wasSoft, "\(label)")
        case (.soft, _):
          #expect(policy.isDraining == wasDraining, "\(label)")
          #expect((policy.soft != nil) == !wasDraining, "\(label)")
        case (.drain, _):
          #expect(policy.isDraining && policy.soft == nil, "\(label)")
          let left = (policy.drain!.deadline - start).inSeconds
          let own = seconds.map { max(1, $0 - min(2, max(0, $0) * 0.1)) } ?? 60
          let expected = min(own, deadlineBefore.map { ($0 - start).inSeconds } ?? .infinity, 86_400 * 30)
          #expect(abs(left - expected) < 0.01, "\(label): \(left), \(expected)")
        }
        // The same again, now and said to be later, is no new event and changes nothing.
        let deadline = policy.drain?.deadline
        for (step, later) in [0.0, 5, 10].enumerated() {
          let again = policy.receive(event(kind, seconds.map { $0 + later }), at: start + .seconds(step))
          #expect(!again.isNew && again.change == .unchanged, "\(label) again")
          #expect(policy.drain?.deadline == deadline, "\(label) again")
        }
      }
    }
  }

  @Test func aDoubleThatIsAlwaysTwoMinutesAwayIsBelievedOnce() {
    var policy = InterruptionPolicy()
    #expect(policy.receive(event(.spotNotice, 120), at: start).change == .began)
    let deadline = policy.drain?.deadline
    for tick in 1...30 {
      let outcome = policy.receive(event(.spotNotice, 120), at: start + .seconds(tick * 5))
      #expect(outcome == .init(change: .unchanged, isNew: false))
    }
    #expect(policy.drain?.deadline == deadline)
  }

  @Test func aTimeReadTwiceByTwoClocksIsNoNearerTime() {
    var policy = InterruptionPolicy()
    _ = policy.receive(event(.spotNotice, 120), at: start)
    for tick in 1...20 {
      let wobble = tick.isMultiple(of: 2) ? 0.3 : -0.3
      let outcome = policy.receive(event(.spotNotice, 120 - Double(tick) * 5 + wobble), at: start + .seconds(tick * 5))
      #expect(outcome.change == .unchanged)
    }
  }

  @Test func theSameEventThatComesNearerShortensTheDrain() {
    var policy = InterruptionPolicy()
    _ = policy.receive(event(.spotNotice, 120), at: start)
    let outcome = policy.receive(event(.spotNotice, 39), at: start + .seconds(10))
    #expect(outcome == .init(change: .shortened, isNew: false))
    #expect(abs((policy.drain!.deadline - start).inSeconds - 47) < 0.01)
  }

  @Test func theSameActionOnAnotherMachineOrAnotherActionIsAnotherEvent() {
    var policy = InterruptionPolicy()
    #expect(policy.receive(event(.spotNotice, 120, instance: "a"), at: start).isNew)
    #expect(policy.receive(event(.spotNotice, 120, instance: "b"), at: start).isNew)
    #expect(policy.receive(event(.spotNotice, 120, action: "stop", instance: "a"), at: start).isNew)
    #expect(!policy.receive(event(.spotNotice, 120, instance: "a"), at: start).isNew)
  }

  @Test func maintenanceIsWaitedForUntilItIsNear() {
    var policy = InterruptionPolicy(settings: .init(maintenanceLead: 300))
    #expect(policy.receive(event(.scheduledMaintenance, 1000), at: start).change == .deferred)
    #expect(policy.receive(event(.scheduledMaintenance, 600), at: start + .seconds(400)).change == .unchanged)
    #expect(policy.receive(event(.scheduledMaintenance, 299), at: start + .seconds(701)).change == .began)
    #expect(abs((policy.drain!.deadline - start).inSeconds - 998) < 0.01)
  }

  @Test func maintenanceThatIsPutOffIsWaitedForAnew() {
    var policy = InterruptionPolicy(settings: .init(maintenanceLead: 300))
    #expect(policy.receive(event(.scheduledMaintenance, 400), at: start).change == .deferred)
    // Put off by a day, which is known before the old time is near.
    #expect(policy.receive(event(.scheduledMaintenance, 86_400), at: start + .seconds(50)).change == .unchanged)
    #expect(policy.receive(event(.scheduledMaintenance, 86_200), at: start + .seconds(250)).change == .unchanged)
    #expect(!policy.isDraining, "the old time would be 150 s away")
    // Once it drains nothing is put off any more.
    #expect(policy.receive(event(.scheduledMaintenance, 200), at: start + .seconds(300)).change == .began)
    let deadline = policy.drain?.deadline
    #expect(policy.receive(event(.scheduledMaintenance, 9000), at: start + .seconds(310)).change == .unchanged)
    #expect(policy.drain?.deadline == deadline)
  }

  @Test func maintenanceThatIsCalledOffIsForgotten() {
    var policy = InterruptionPolicy(settings: .init(maintenanceLead: 300))
    let reboot = event(.scheduledMaintenance, 400, action: "reboot")
    let stop = event(.scheduledMaintenance, 900, action: "stop")
    #expect(policy.receive(reboot, at: start).isNew)
    #expect(policy.receive(stop, at: start).isNew)
    #expect(policy.forget(["scheduledMaintenance"], except: [stop]) == false)
    #expect(!policy.receive(stop, at: start).isNew)
    #expect(policy.receive(reboot, at: start).isNew, "announced anew, it is new")
    // What another source says is none of this one's business.
    _ = policy.forget(["other"], except: [])
    #expect(!policy.receive(reboot, at: start).isNew)
  }

  @Test func aClockThatJumpsNeverMovesTheDeadlineAway() {
    // The wall clock tells how long there is until the time that the notice names; the drain's own clock is another.
    for jump in [-3600.0, -30, 0, 30, 3600] {
      var policy = InterruptionPolicy()
      _ = policy.receive(event(.spotNotice, 120), at: start)
      let deadline = policy.drain!.deadline
      // Ten seconds later by the drain's clock, with the wall clock set ahead or back in between.
      _ = policy.receive(event(.spotNotice, 110 - jump), at: start + .seconds(10))
      #expect(policy.drain!.deadline <= deadline)
      if jump <= 0 { #expect(policy.drain!.deadline == deadline) }
    }
  }

  @Test func theSoftStateEndsWhenNothingFollowsAndDoesNotBeginAnew() {
    var policy = InterruptionPolicy(settings: .init(softExpiry: 100))
    #expect(policy.receive(event(.rebalance), at: start).change == .softened)
    #expect(policy.expire(at: start + .seconds(99)) == false)
    #expect(policy.soft != nil)
    #expect(policy.expire(at: start + .seconds(100)) == true)
    #expect(policy.soft == nil)
    // The recommendation stands in the metadata for ever.
    #expect(policy.receive(event(.rebalance), at: start + .seconds(105)).change == .unchanged)
    #expect(policy.soft == nil)
    // Only when it has gone and comes again is it another one.
    #expect(policy.forget(["rebalance"], except: []) == false)
    #expect(policy.receive(event(.rebalance), at: start + .seconds(200)).change == .softened)
    #expect(policy.forget(["rebalance"], except: []) == true)
    #expect(policy.soft == nil)
  }

  @Test func theNoticeThatFollowsARecommendationDrains() {
    var policy = InterruptionPolicy()
    _ = policy.receive(event(.rebalance), at: start)
    #expect(policy.receive(event(.spotNotice, 120), at: start + .seconds(600)).change == .began)
    #expect(policy.soft == nil)
    #expect(policy.receive(event(.rebalance, source: "late"), at: start + .seconds(601)).change == .unchanged)
    #expect(policy.soft == nil)
    #expect(policy.forget(["spotNotice"], except: []) == false)
    #expect(policy.isDraining)
  }

  @Test(arguments: [(nil, true), (1.0, true), (30, true), (31, false)] as [(Double?, Bool)])
  func inTheSoftStateOnlyKindsThatRunLongAreLeftOut(typical: Double?, isTaken: Bool) {
    var policy = InterruptionPolicy(settings: .init(softMaxJob: 30))
    #expect(policy.admits(typicalSeconds: typical))
    _ = policy.receive(event(.rebalance), at: start)
    #expect(policy.admits(typicalSeconds: typical) == isTaken)
    _ = policy.receive(event(.command), at: start)
    #expect(!policy.admits(typicalSeconds: typical))
  }

  /// Five hundred random stories: the seed is in the message of whatever fails.
  @Test(arguments: 1...500)
  func whateverTheOrderTheRulesHold(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var settings = InterruptionPolicy.Settings(
      grace: .random(in: 0...200, using: &generator), maintenanceLead: .random(in: 0...1000, using: &generator),
      softExpiry: .random(in: 1...100, using: &generator), softMaxJob: 30)
    let reactions = InterruptionReaction.allCases
    settings.onSpotNotice = reactions.randomElement(using: &generator)!
    settings.onRebalance = reactions.randomElement(using: &generator)!
    settings.onLifecycleState = reactions.randomElement(using: &generator)!
    settings.onScheduledMaintenance = reactions.randomElement(using: &generator)!
    var policy = InterruptionPolicy(settings: settings)
    var now = start
    var deadline: ContinuousClock.Instant?
    var seen: Set<InterruptionEvent.Identity> = []
    for _ in 0..<60 {
      now += .seconds(Double.random(in: 0...20, using: &generator))
      let wasDraining = policy.isDraining
      switch Int.random(in: 0..<10, using: &generator) {
      case 0: _ = policy.expire(at: now)
      case 1:
        let kind = Kind.allCases.randomElement(using: &generator)!
        if policy.forget(["\(kind)"], except: []) { #expect(!wasDraining) }
      default:
        let kind = Kind.allCases.randomElement(using: &generator)!
        let seconds = Bool.random(using: &generator) ? Double.random(in: -10...2000, using: &generator) : nil
        let next = event(
          kind, seconds, action: ["stop", "terminate"].randomElement(using: &generator)!,
          instance: ["", "b"].randomElement(using: &generator)!)
        let outcome = policy.receive(next, at: now)
        if !outcome.isNew { #expect(seen.contains(next.identity), "seed \(seed)") }
        seen.insert(next.identity)
        #expect((outcome.change == .began) == (!wasDraining && policy.isDraining), "seed \(seed)")
        if settings.reaction(to: kind) == .ignore { #expect(policy.isDraining == wasDraining, "seed \(seed)") }
        if kind == .command { #expect(policy.isDraining, "seed \(seed)") }
      }
      if wasDraining { #expect(policy.isDraining, "a drain ended; seed \(seed)") }
      if policy.isDraining {
        #expect(policy.soft == nil, "soft after the drain began; seed \(seed)")
        #expect(!policy.admits(typicalSeconds: nil) && !policy.admits(typicalSeconds: 0), "seed \(seed)")
      }
      if let drain = policy.drain {
        if let deadline { #expect(drain.deadline <= deadline, "the deadline moved away; seed \(seed)") }
        deadline = drain.deadline
      }
    }
  }
}
