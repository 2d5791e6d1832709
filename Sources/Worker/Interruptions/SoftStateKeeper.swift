import Logging
import ServiceLifecycle

/// Carries out the soft state: asks jobs in flight for a checkpoint when it begins, and ends it when its time has come.
struct SoftStateKeeper: Service {
  let drain: DrainController
  let table: LeaseTable
  let keeper: LeaseKeeper
  let metrics: WorkerMetrics
  let logger: Logger

  func run() async throws {
    try? await cancelWhenGracefulShutdown {
      while true {
        guard let soft = try await drain.plan.first(where: { $0.soft != nil }).soft else { continue }
        metrics.softState(true)
        for run in table.runs { run.wantCheckpoint() }
        // The coordinator is told now rather than with the next heartbeat.
        keeper.poke()
        _ = await drain.plan.first(before: soft.expiresAt) { $0.soft != soft }
        try Task.checkCancellation()
        if drain.expireSoftState() {
          logger.notice("nothing followed the recommendation: all kinds of job are taken again")
        }
        guard drain.plan.value.soft == nil else { continue }
        metrics.softState(false)
        keeper.poke()
      }
    }
  }
}

extension LeaseRun {
  /// Asks the job for a checkpoint that is not due yet.
  func wantCheckpoint() {
    state.update { state in
      if state.phase == .running { state.isCheckpointWanted = true }
    }
  }
}
