import BatonShared
import BatonThreads
import Synchronization

/// A task that runs one job after the other.
///
/// It can be cancelled for the sake of the job that it runs at the moment, and of no other: a slot that was cancelled
/// takes no more jobs.
final class JobSlot: Sendable {
  private struct State {
    var task: Task<Void, Never>?
    var lease: LeaseID?
    var isCancelled = false
  }

  private let state = Mutex(State())

  /// Starts the task. It keeps the slot alive until it ends.
  func start(on executor: ThreadExecutor, _ work: @escaping @Sendable (JobSlot) async -> Void) {
    state.withLock { state in
      state.task = Task(executorPreference: executor) { await work(self) }
    }
  }

  /// From now on the slot runs the job of this lease.
  func enter(_ lease: LeaseID) {
    state.withLock { $0.lease = lease }
  }

  /// The job has ended.
  /// - Returns: Whether the slot may take another.
  func leave() -> Bool {
    state.withLock { state in
      state.lease = nil
      return !state.isCancelled
    }
  }

  /// Cancels the slot's task if it runs the job of this lease.
  func cancel(_ lease: LeaseID) {
    let task = state.withLock { state -> Task<Void, Never>? in
      guard state.lease == lease else { return nil }
      state.isCancelled = true
      return state.task
    }
    task?.cancel()
  }
}
