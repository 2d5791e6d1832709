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
  private let metrics: WorkerMetrics

  init(metrics: WorkerMetrics) {
    self.metrics = metrics
  }

  var runs: [LeaseRun] { Array(state.value.runs.values) }
  var isEmpty: Bool { state.value.runs.isEmpty }

  subscript(id: LeaseID) -> LeaseRun? { state.value.runs[id] }

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
    run.state.update { $0.phase = .gone }
    metrics.leases(
      state.update { state in
        state.runs[run.id] = nil
        return state.runs.count
      })
  }
}
