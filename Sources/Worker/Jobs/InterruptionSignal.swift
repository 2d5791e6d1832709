/// Tells a running job that its worker is going away.
///
/// It comes as late as is safe. A handler that sees it saves a checkpoint and throws ``JobInterrupted``; if it finishes
/// in time instead, its result counts.
public struct InterruptionSignal: Sendable {
  private let run: LeaseRun

  init(run: LeaseRun) {
    self.run = run
  }

  /// Whether the job is to save a checkpoint and hand back now.
  public var isRequested: Bool { run.state.value.interruption != nil }

  /// Whether a checkpoint is wanted that is not due yet, because the instance may be taken away before long. The job goes on
  /// after it; the wish ends with the next checkpoint that is saved.
  public var isCheckpointWanted: Bool { run.state.value.isCheckpointWanted }

  /// When the job is stopped if it has not handed back; nil as long as it is not asked to.
  public var deadline: ContinuousClock.Instant? { run.state.value.interruption?.stopBy }

  /// Waits until the job is to hand back.
  /// - Throws: `CancellationError` when the job is stopped.
  public func wait() async throws {
    try await run.state.first { $0.interruption != nil }
  }
}
