import BatonShared

/// The leases that this worker holds, and how many of its slots are taken.
final class LeaseTable: Sendable {
  struct State: Sendable {
    var runs: [LeaseID: LeaseRun] = [:]
    /// Slots whose job's code has not returned. A lease that is only waiting to be settled takes none; a handler that
    /// ignores its cancellation still does.
    var busySlots = 0
  }

  let state = Watched(State())
  /// How long jobs of each kind have run here.
  let runTimes = TypicalRunTimes()
  private let metrics: WorkerMetrics

  init(metrics: WorkerMetrics) {
    self.metrics = metrics
  }

  var runs: [LeaseRun] { Array(state.value.runs.values) }
  var isEmpty: Bool { state.value.runs.isEmpty }

  subscript(id: LeaseID) -> LeaseRun? { state.value.runs[id] }

  /// How long jobs of a kind usually run here, in seconds: as those did that have ended, else as those do that run now.
  func typicalSeconds(kind: String) -> Double? {
    if let known = runTimes.typicalSeconds(kind: kind) { return known }
    let now = ContinuousClock.now
    return runs.filter { $0.grant.kind == kind }.compactMap { $0.state.value.startedAt }
      .map { (now - $0).inSeconds }.max()
  }

  func add(_ run: LeaseRun) {
    metrics.leases(
      state.update { state in
        state.runs[run.id] = run
        state.busySlots += 1
        return state.runs.count
      })
  }

  func freeSlot() {
    state.update { $0.busySlots -= 1 }
  }

  func remove(_ run: LeaseRun) {
    let startedAt = run.state.update { state in
      state.phase = .gone
      return state.startedAt
    }
    if let startedAt {
      runTimes.record(kind: run.grant.kind, seconds: (ContinuousClock.now - startedAt).inSeconds)
    }
    metrics.leases(
      state.update { state in
        state.runs[run.id] = nil
        return state.runs.count
      })
  }
}
