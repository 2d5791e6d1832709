import BatonJSON

/// Where a job stands, in the words of the API and of the `jobs` table.
public enum JobStatus: String, Sendable, CaseIterable {
  /// Waits for a worker, for its `run_at`, or for a retry.
  case queued
  /// Held by a worker under a lease.
  case processing
  case done
  case failed
  case cancelled

  /// Whether nothing will change any more, short of a retry by hand.
  public var isFinished: Bool { self == .done || self == .failed || self == .cancelled }
}

/// How an attempt ended.
public enum AttemptOutcome: String, Sendable, CaseIterable {
  case done
  case failed
  /// Handed back; counts as nothing.
  case released
  /// Handed back because the worker's instance is going away; counts as an interruption.
  case interrupted
  /// The lease expired; only the coordinator says so.
  case lost
  case cancelled
  /// Ran longer than its `timeout_seconds`; counts as a failure.
  case timedOut = "timed_out"
}

/// How a worker says that an attempt ended.
public enum SettleOutcome: String, Sendable, CaseIterable {
  case done, failed, released, interrupted, cancelled
  case timedOut = "timed_out"
}

/// Which capacity a job may run on.
public enum Placement: String, Sendable, CaseIterable {
  case any
  case spot
  case onDemand = "on_demand"
}

/// What a worker's instance is.
public enum CapacityType: String, Sendable, CaseIterable {
  case spot
  case onDemand = "on_demand"
  case unknown

  /// The jobs that such a worker may be given.
  public var placements: [Placement] {
    switch self {
    case .spot: [.any, .spot]
    case .onDemand: [.any, .onDemand]
    case .unknown: [.any]
    }
  }
}

/// What a job wants done with it when its worker is told to go.
public enum InterruptionBehaviour: String, Sendable, CaseIterable {
  /// The worker decides from the time that is left and the job's progress.
  case auto
  /// Run on as long as there is time.
  case finish
  /// Save a checkpoint and hand back at once.
  case checkpoint
  /// Hand back at once, without another checkpoint.
  case release
}

/// What the coordinator thinks of a worker.
public enum WorkerState: String, Sendable, CaseIterable {
  case active
  /// Takes no more jobs.
  case draining
  /// Has said goodbye, or has not been heard of for a lease's time.
  case gone
}

/// Whether a lease is still in force, as told in the answer to a heartbeat.
public enum LeaseStatus: String, Sendable, CaseIterable {
  /// In force, and renewed.
  case held
  /// In force and renewed, but the user asked to cancel the job.
  case cancel
  /// Gone: the job is somebody else's, or finished.
  case lost
}

/// Whether a settle took effect.
public enum SettleStatus: String, Sendable, CaseIterable {
  case accepted
  case lost
}
