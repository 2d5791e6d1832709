import BatonJSON
import BatonShared

/// One lease from its grant to its settlement: what the job is told to do, and how far it is trusted.
///
/// The state is a value behind ``Watched``; whoever runs, renews, drains or fences the lease changes it, and the
/// others see the change.
final class LeaseRun: Sendable {
  struct State: Sendable {
    enum Phase: Sendable, Equatable {
      /// The job's own code has not been called yet.
      case waiting
      case running
      /// The job's code has ended; its outcome is being reported.
      case settling
      case gone
    }

    var phase = Phase.waiting
    var trust: LeaseTrust
    /// When the job's code was called, and when it had returned or was given up.
    var startedAt: ContinuousClock.Instant?
    var endedAt: ContinuousClock.Instant?
    var progress = ProgressRate()
    /// Set when the job is asked to save a checkpoint and hand back; never taken back.
    var interruption: InterruptionRequest?
    var halt: Halt?
    /// How long the job's newest checkpoint took to save, in seconds.
    var checkpointSeconds: Double?
    var savedCheckpoints = 0
    /// How many of them were there when it was asked to hand back.
    var savedBeforeInterruption = 0
    /// Set while a checkpoint is wanted that is not due yet: the instance may be taken away.
    var isCheckpointWanted = false
    /// Whether the newest checkpoint is saved after the job's end rather than by the job itself.
    var savesAfterStop = false
    /// What was decided last, once the worker drains.
    var triage: TriageNote?
    /// Called when the job is told something for the first time. Most jobs end without that, and are not watched.
    fileprivate var supervisor: (@Sendable (LeaseRun) -> Void)?
  }

  /// A decision of the triage, for the attempt's record.
  struct TriageNote: Sendable, Equatable {
    var decision: String
    var outlook: Triage.Outlook
    var reason: String
    var notice: InterruptionNotice
    var deadline: ContinuousClock.Instant
  }

  let grant: LeaseGrant
  let receivedAt: ContinuousClock.Instant
  let state: Watched<State>

  init(grant: LeaseGrant, requestedAt: ContinuousClock.Instant, receivedAt: ContinuousClock.Instant) {
    self.grant = grant
    self.receivedAt = receivedAt
    let trust = LeaseTrust(ttl: grant.leaseTTLSeconds, requestedAt: requestedAt, receivedAt: receivedAt)
    self.state = Watched(State(trust: trust))
  }

  var id: LeaseID { grant.leaseID }

  /// How long the job's code has run, in seconds; nil when it was not begun.
  var seconds: Double? {
    state.read { state in state.startedAt.map { ((state.endedAt ?? .now) - $0).inSeconds } }
  }

  // MARK: Beginning and ending

  /// Lets the job begin, unless it has been stopped before or its lease is not trusted any more.
  ///
  /// - Parameters:
  ///   - savesAfterStop: Whether the newest checkpoint is saved after the job's end.
  ///   - supervisor: Called once, when the job is told something for the first time or ``supervise()`` asks for it.
  /// - Returns: Whether it may.
  func begin(savesAfterStop: Bool, supervisor: @escaping @Sendable (LeaseRun) -> Void) -> Bool {
    let now = ContinuousClock.now
    return state.update { state in
      guard state.phase == .waiting, state.halt == nil else { return false }
      guard state.trust.isTrusted(at: now) else {
        state.halt = .untrusted
        return false
      }
      state.phase = .running
      state.startedAt = now
      state.savesAfterStop = savesAfterStop
      state.supervisor = supervisor
      return true
    }
  }

  /// Has the job supervised from now on, if it is not yet.
  func supervise() {
    let supervisor = state.update { state in
      defer { state.supervisor = nil }
      return state.supervisor
    }
    supervisor?(self)
  }

  /// Takes in how the job's code has ended: with a result, or with none because it is not waited for any longer. The
  /// first word counts, and what the job is told later changes nothing.
  /// - Returns: Nil when it was not the first.
  func end(with result: Result<RawJSON?, any Error>?) -> Verdict.Ending? {
    let now = ContinuousClock.now
    return state.update { state in
      guard state.phase == .running || state.phase == .waiting else { return nil }
      state.phase = .settling
      state.endedAt = now
      state.supervisor = nil
      return Verdict.Ending(
        result: result, halt: state.halt, interruption: state.interruption, triage: state.triage,
        hasCheckpoint: state.savedCheckpoints > state.savedBeforeInterruption, endedAt: now)
    }
  }

  // MARK: Telling

  /// Asks the job to save a checkpoint and hand back. A second, nearer time shortens the first; nothing lengthens it.
  /// - Returns: Whether this changed anything.
  @discardableResult
  func interrupt(_ request: InterruptionRequest) -> Bool {
    let isNews = state.update { state in
      guard state.phase == .running || state.phase == .waiting else { return false }
      if let earlier = state.interruption {
        guard request.stopBy < earlier.stopBy else { return false }
        state.interruption?.stopBy = request.stopBy
        return true
      }
      state.interruption = request
      state.savedBeforeInterruption = state.savedCheckpoints
      return true
    }
    if isNews { supervise() }
    return isNews
  }

  /// Stops the job. The first reason stands, unless the new one says that the lease is gone.
  /// - Returns: Whether this changed anything.
  @discardableResult
  func halt(_ halt: Halt) -> Bool {
    let isNews = state.update { state in
      switch state.phase {
      case .waiting, .running: break
      // A job that was stopped for want of trust waits to hear whether its lease is in force after all.
      case .settling: guard state.halt == .untrusted, halt == .lost else { return false }
      case .gone: return false
      }
      if let earlier = state.halt, !halt.outranks(earlier) { return false }
      state.halt = halt
      return true
    }
    if isNews { supervise() }
    return isNews
  }

  /// Makes sure that the lease may still be reported on.
  ///
  /// A process that was suspended wakes here with trust run out: before it says a word, a heartbeat decides.
  /// - Throws: `CoordinatorError.leaseLost` when the lease is gone, or nobody can say that it is not;
  ///   `CancellationError` when the task is cancelled, which says nothing of the lease.
  func awaitTrust() async throws {
    let patience = ContinuousClock.now + .seconds(state.value.trust.ttl)
    let decided = await state.first(before: patience) { Self.mayReport($0) || Self.isOver($0) }
    try Task.checkCancellation()
    guard let decided, Self.mayReport(decided) else { throw CoordinatorError.leaseLost }
  }

  private static func mayReport(_ state: State) -> Bool {
    state.trust.isTrusted(at: .now) && !isOver(state)
  }

  /// Whether nothing may be said under the lease any more except its settlement.
  private static func isOver(_ state: State) -> Bool {
    state.halt == .lost || state.halt == .untrusted || state.phase == .gone
  }
}
