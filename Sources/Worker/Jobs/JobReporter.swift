import BatonShared
import Logging

/// Reports how attempts ended, and takes their leases out of the table once the coordinator knows.
///
/// An object, as ``JobRunner`` is.
final class JobReporter: Sendable {
  /// Why a lease is handed back whose job was not begun.
  enum Return: String, Sendable {
    case drain, late, unwanted, overdue

    /// For the attempt's record.
    var reason: String {
      switch self {
      case .drain: "not begun: the worker drains"
      case .late: "arrived after the worker began to drain"
      case .unwanted: "jobs of this kind run long, and the instance may be taken away before long"
      case .overdue: "not begun: the jobs before it take longer than expected"
      }
    }
  }

  let settlements: SettlementSender
  let table: LeaseTable
  let drain: DrainController
  let metrics: WorkerMetrics
  let logger: Logger

  init(
    settlements: SettlementSender, table: LeaseTable, drain: DrainController, metrics: WorkerMetrics, logger: Logger
  ) {
    self.settlements = settlements
    self.table = table
    self.drain = drain
    self.metrics = metrics
    self.logger = logger
  }

  /// Reports how a job ended.
  func settle(_ run: LeaseRun, _ settlement: Settlement) {
    let begun = run.state.update { state in
      state.phase = .settling
      return state.startedAt != nil
    }
    var settlement = settlement
    settlement.begun = begun
    settlements.add([
      SettlementSender.Entry(settlement: settlement, giveUpAt: giveUpAt(run)) { [self, settlement] status in
        conclude(run, settlement, status)
      }
    ])
  }

  /// Hands back leases whose jobs were not begun, all at once.
  func handBack(_ runs: [LeaseRun], _ why: Return) {
    guard !runs.isEmpty else { return }
    logger.info(
      "leases are handed back unrun",
      metadata: [
        "leases": "\(runs.count)", "reason": "\(why.reason)",
        "jobs": "\(runs.prefix(10).map { "\($0.grant.jobID)" }.joined(separator: ","))",
      ])
    metrics.handedBack(runs.count, why.rawValue)
    settlements.add(
      runs.map { run in
        run.state.update { $0.phase = .settling }
        let settlement = Settlement(leaseID: run.id, outcome: .released, reason: why.reason, begun: false)
        return SettlementSender.Entry(settlement: settlement, giveUpAt: giveUpAt(run)) { [self] status in
          switch status {
          case .accepted?: logger.debug("a lease is handed back", metadata: run.metadata)
          case .lost?: logger.debug("a lease that was to be handed back is lost", metadata: run.metadata)
          case nil: logger.error("a lease could not be handed back; it will expire", metadata: run.metadata)
          }
          table.remove(run)
        }
      })
  }

  /// Lets a lease go of which nothing may be reported.
  func drop(_ run: LeaseRun) {
    logger.warning("the lease of a job is lost: nothing is reported of it", metadata: run.metadata)
    count(run, outcome: "lost")
    table.remove(run)
  }

  /// How long it is tried. The coordinator may be down for longer than the lease lasts: as long as nobody has reaped
  /// it, it still counts.
  private func giveUpAt(_ run: LeaseRun) -> ContinuousClock.Instant {
    let trustedUntil = run.state.read { $0.trust.trustedUntil }
    let deadline = max(trustedUntil, .now) + .seconds(60 + 2 * run.grant.leaseTTLSeconds)
    guard let drain = drain.plan.read({ $0.drain }) else { return deadline }
    return min(deadline, max(drain.deadline, .now) + .seconds(1))
  }

  private func conclude(_ run: LeaseRun, _ settlement: Settlement, _ status: SettleStatus?) {
    switch status {
    case .accepted?:
      logger.info("a job has ended", metadata: Self.words(on: settlement, of: run))
      count(run, outcome: settlement.outcome.rawValue)
    case .lost?:
      logger.warning("the outcome of a job was not accepted: its lease is lost", metadata: run.metadata)
      count(run, outcome: "lost")
    case nil:
      logger.error("the outcome of a job could not be reported; its lease will expire", metadata: run.metadata)
      count(run, outcome: "unreported")
    }
    table.remove(run)
  }

  private static func words(on settlement: Settlement, of run: LeaseRun) -> Logger.Metadata {
    var metadata = run.metadata
    metadata["outcome"] = "\(settlement.outcome.rawValue)"
    metadata["seconds"] = "\((run.seconds ?? 0).tenths)"
    if let reason = settlement.reason { metadata["reason"] = "\(reason)" }
    // Its message may quote the payload, a program's output or whatever a handler has thrown: that is on the job's
    // record, and nobody else's business.
    if let error = settlement.error { metadata["error"] = "\(error.code)" }
    return metadata
  }

  private func count(_ run: LeaseRun, outcome: String) {
    metrics.job(kind: run.grant.kind, outcome: outcome, seconds: run.seconds ?? 0)
  }
}
