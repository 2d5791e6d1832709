import BatonShared
import DequeModule

/// The leases that this worker holds, which of them wait to be begun, and how many of its slots are taken.
final class LeaseTable: Sendable {
  struct State: Sendable {
    /// All leases, until the coordinator knows how they ended.
    var runs: [LeaseID: LeaseRun] = [:]
    /// Those whose job is to be begun, the longest waiting first.
    fileprivate(set) var waiting: Deque<LeaseRun> = []
    /// Slots whose job's code has not returned. A lease that is only waiting to be settled takes none; a handler that
    /// ignores its cancellation still does.
    fileprivate(set) var busySlots = 0
    /// Whether a slot has been opened that has not taken its first job yet.
    fileprivate var isOpening = false
    /// Once the worker drains nothing is begun any more.
    fileprivate var isClosed = false
    fileprivate var prefetch: Prefetch
  }

  /// What to ask the coordinator for.
  struct Wish: Sendable, Equatable {
    var leases: Int
    /// Whether to wait until there is work.
    var waits: Bool
  }

  /// The most leases that may be on their way out: when the coordinator is slower to take in how jobs ended than this
  /// worker is to run them, more would only pile up.
  private static let maximumSettling = 2 * SettlementSender.maximumBatch

  let slots: Int
  let state: Watched<State>
  /// How long jobs of each kind have run here.
  let runTimes = TypicalRunTimes()
  private let metrics: WorkerMetrics

  init(slots: Int, prefetch: Prefetch, metrics: WorkerMetrics) {
    self.slots = slots
    self.metrics = metrics
    state = Watched(State(prefetch: prefetch))
  }

  var runs: [LeaseRun] { Array(state.value.runs.values) }
  var isEmpty: Bool { state.read { $0.runs.isEmpty } }
  /// How many leases are held beyond the slots.
  var prefetched: Int { state.read { max(0, $0.waiting.count - max(0, slots - $0.busySlots)) } }

  subscript(id: LeaseID) -> LeaseRun? { state.read { $0.runs[id] } }

  /// How long jobs of a kind usually run here, in seconds: as those did that have ended, else as those do that run now.
  func typicalSeconds(kind: String) -> Double? {
    if let known = runTimes.typicalSeconds(kind: kind) { return known }
    let now = ContinuousClock.now
    return runs.filter { $0.grant.kind == kind }.compactMap { $0.state.value.startedAt }
      .map { (now - $0).inSeconds }.max()
  }

  // MARK: Holding

  func add(_ runs: [LeaseRun]) {
    metrics.leases(
      state.update { state in
        for run in runs { state.runs[run.id] = run }
        return state.runs.count
      })
  }

  func remove(_ run: LeaseRun) {
    run.state.update { $0.phase = .gone }
    metrics.leases(
      state.update { state in
        state.runs[run.id] = nil
        return state.runs.count
      })
  }

  // MARK: Waiting

  /// Has jobs begun as slots come free.
  /// - Returns: Whether they will be; not so once the table is closed.
  func queue(_ runs: [LeaseRun]) -> Bool {
    state.update { state in
      if !state.isClosed { state.waiting.append(contentsOf: runs) }
      return !state.isClosed
    }
  }

  /// Begins no more jobs from now on.
  /// - Returns: The leases that waited.
  func close() -> [LeaseRun] {
    state.update { state in
      state.isClosed = true
      defer { state.waiting = [] }
      return Array(state.waiting)
    }
  }

  /// Takes out leases that are not to be begun.
  func takeWaiting(_ isUnwanted: (LeaseRun) -> Bool) -> [LeaseRun] {
    state.update { state in
      let unwanted = state.waiting.filter(isUnwanted)
      if !unwanted.isEmpty { state.waiting.removeAll(where: isUnwanted) }
      return Array(unwanted)
    }
  }

  /// Takes out leases that have waited for too long, which means that prefetching was wrong for now.
  func takeOverdue(at now: ContinuousClock.Instant) -> [LeaseRun] {
    state.update { state in
      var overdue: [LeaseRun] = []
      while let run = state.waiting.first, run.receivedAt + state.prefetch.patience <= now {
        overdue.append(run)
        state.waiting.removeFirst()
      }
      if !overdue.isEmpty { state.prefetch.hold(at: now) }
      return overdue
    }
  }

  /// When the next lease has waited for too long; nil when none waits.
  var nextOverdue: ContinuousClock.Instant? {
    state.read { state in state.waiting.first.map { $0.receivedAt + state.prefetch.patience } }
  }

  /// What to ask for now; nil for nothing.
  ///
  /// - Parameter isBacklogged: Whether there is more work than the last request took. If not, only what can be begun at
  ///   once is asked for: what would wait here may be begun by another worker.
  static func wish(_ state: State, slots: Int, isBacklogged: Bool, at now: ContinuousClock.Instant) -> Wish? {
    let free = slots - state.busySlots - state.waiting.count
    guard state.runs.count - state.busySlots - state.waiting.count < maximumSettling else { return nil }
    let wanted = isBacklogged ? state.prefetch.wanted(at: now) : 0
    if free > 0 {
      return Wish(leases: min(free + wanted, LeaseRequest.maximumLeases), waits: !isBacklogged)
    }
    // Asked for when half of them are left, so that the answer is here before the last has been begun.
    let held = -free
    guard held * 2 < wanted else { return nil }
    return Wish(leases: min(wanted - held, LeaseRequest.maximumLeases), waits: false)
  }

  // MARK: Slots

  /// Takes a slot if a job waits for one.
  ///
  /// One is opened after the other, each by the one before it when that has taken a job: of jobs that end at once a few
  /// slots get through hundreds before another thread is awake.
  /// - Returns: Whether there is a slot to run; it begins with ``next(after:)``.
  func openSlot() -> Bool {
    state.update { state in
      guard !state.waiting.isEmpty, state.busySlots < slots, !state.isOpening else { return false }
      state.isOpening = true
      state.busySlots += 1
      return true
    }
  }

  /// The next job for a slot that is open; without one, the slot is free again.
  ///
  /// - Parameter seconds: How long the slot's job before it has run; nil for its first.
  func next(after seconds: Double?) -> LeaseRun? {
    let now = ContinuousClock.now
    return state.update { state in
      if let seconds {
        state.prefetch.jobEnded(after: seconds, at: now)
      } else {
        state.isOpening = false
      }
      let run = state.waiting.popFirst()
      if run == nil { state.busySlots -= 1 }
      return run
    }
  }

  /// Frees a slot that takes no more jobs.
  func closeSlot() {
    state.update { $0.busySlots -= 1 }
  }
}
