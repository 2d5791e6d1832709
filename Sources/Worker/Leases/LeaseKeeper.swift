import BatonShared
import Logging
import ServiceLifecycle

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Renews every lease of this worker until the last of them has been settled, and stops the jobs whose lease can no
/// longer be trusted.
///
/// It runs apart from the jobs: their code has threads of its own and cannot hold up a heartbeat.
final class LeaseKeeper: Service {
  private let client: CoordinatorClient
  private let table: LeaseTable
  private let registrar: Registrar
  private let drain: DrainController
  private let roundTrips: RoundTrips
  private let metrics: WorkerMetrics
  private let logger: Logger
  /// Counts the occasions that want a heartbeat at once.
  private let pokes = Watched(0)

  init(
    client: CoordinatorClient, table: LeaseTable, registrar: Registrar, drain: DrainController,
    roundTrips: RoundTrips, metrics: WorkerMetrics, logger: Logger
  ) {
    self.client = client
    self.table = table
    self.registrar = registrar
    self.drain = drain
    self.roundTrips = roundTrips
    self.metrics = metrics
    self.logger = logger
  }

  /// Asks for a heartbeat as soon as possible.
  func poke() { pokes.update { $0 += 1 } }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { try? await self.renew() }
        group.addTask { try? await self.fence() }
      }
    }
    // The last word: gone, and nothing held. What is left when time is up is not renewed once more.
    if registrar.state.value.receipt != nil {
      // With next to no time left the process had better end; the coordinator finds out by itself.
      let soon = ContinuousClock.now + .milliseconds(200)
      let end = min(.now + .seconds(1), max(drain.plan.value.drain?.deadline ?? .now + .seconds(1), soon))
      _ = await race(before: end) { await self.beat(with: [], state: .gone) }
    }
  }

  // MARK: Renewing

  private func renew() async throws {
    try await registrar.state.first { $0.receipt != nil }
    var backoff = Backoff(base: 0.1, limit: 1)
    var failures = 0
    while true {
      let seen = pokes.value
      let isAnswered = await beat()
      try Task.checkCancellation()
      if isAnswered {
        if failures > 0 {
          // The coordinator may be another one, or have forgotten this worker.
          await registrar.refresh()
        }
        failures = 0
        backoff.reset()
      } else {
        failures += 1
      }
      let wait: Duration = isAnswered ? .seconds(interval) : min(backoff.next(), .seconds(interval))
      _ = await pokes.first(before: .now + wait) { isAnswered && $0 != seen }
      try Task.checkCancellation()
    }
  }

  /// The coordinator's wish, but never so rarely that one lost heartbeat would cost a lease.
  private var interval: Double {
    let shortest = table.runs.map(\.grant.leaseTTLSeconds).min() ?? .infinity
    return max(0.05, min(registrar.heartbeatSeconds, shortest / 3))
  }

  /// Sends one heartbeat with all leases and applies the answer.
  /// - Returns: Whether it was answered.
  @discardableResult
  func beat() async -> Bool { await beat(with: table.runs) }

  private func beat(with runs: [LeaseRun], state: WorkerState? = nil) async -> Bool {
    let heartbeat = Heartbeat(
      state: state ?? (drain.isDraining ? .draining : .active), interruption: drain.report,
      leases: runs.map { Heartbeat.Lease(leaseID: $0.id, progress: $0.state.value.progress.latest) })
    // Sent before anything else can hold this task up: trust counts from here.
    let sentAt = ContinuousClock.now
    let time = Date.now
    do {
      let timeout = Duration.seconds(max(0.5, min(interval, 10)))
      let reply = try await client.heartbeat(heartbeat, of: registrar.workerID, timeout: timeout)
      metrics.heartbeat("ok")
      registrar.heartbeatSucceeded(sentAt: sentAt)
      roundTrips.record((ContinuousClock.now - sentAt).inSeconds)
      apply(reply, sentAt: sentAt)
      note(reply, to: runs, sentAt: time)
      return true
    } catch CoordinatorError.refused(let problem, _) where problem.knownCode == .notFound {
      metrics.heartbeat("unknown_worker")
      await registrar.refresh()
      return false
    } catch let error as CoordinatorError {
      metrics.heartbeat("failed")
      registrar.heartbeatFailed(error)
      logger.warning("a heartbeat failed", metadata: ["error": "\(error)", "leases": "\(runs.count)"])
      return false
    } catch {
      return false
    }
  }

  /// Tells the log, where that is wanted, of all leases that were asked for: one that was settled meanwhile, too.
  private func note(_ reply: HeartbeatReply, to runs: [LeaseRun], sentAt: Date) {
    guard logger.logLevel <= .debug else { return }
    let asked = Dictionary(runs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for lease in reply.leases {
      guard var metadata = asked[lease.leaseID]?.metadata else { continue }
      metadata["answer"] = "\(lease.status.rawValue)"
      metadata["sent_at"] = "\(sentAt.timeIntervalSince1970)"
      logger.debug("a heartbeat is answered", metadata: metadata)
    }
  }

  /// Applies an answer to the leases that it names.
  ///
  /// It may cross a settlement: a lease that was settled meanwhile is out of the table, and one that is being settled
  /// is `lost` to the heartbeat the moment its settlement has been applied. Neither is stopped for it.
  private func apply(_ reply: HeartbeatReply, sentAt: ContinuousClock.Instant) {
    if reply.drain {
      drain.receive(InterruptionNotice(source: "coordinator", action: "drain", secondsLeft: nil))
    }
    for lease in reply.leases {
      guard let run = table[lease.leaseID] else { continue }
      switch lease.status {
      case .held:
        run.state.update { $0.trust.renew(sentAt: sentAt) }
      case .cancel:
        run.state.update { $0.trust.renew(sentAt: sentAt) }
        if run.halt(.cancel) { logger.info("cancelling a job", metadata: run.metadata) }
      case .lost:
        if run.halt(.lost) { logger.warning("a lease is lost: its job is stopped", metadata: run.metadata) }
      }
    }
  }

  // MARK: Fencing

  /// Stops jobs whose lease could not be renewed in time.
  private func fence() async throws {
    while true {
      let now = ContinuousClock.now
      var next = now + .milliseconds(250)
      for run in table.runs {
        let state = run.state.value
        guard state.phase == .running || state.phase == .waiting else { continue }
        if state.trust.isTrusted(at: now) {
          next = min(next, state.trust.trustedUntil)
        } else if run.halt(.untrusted) {
          logger.warning(
            "a lease could not be renewed in time: its job is stopped before somebody else may have it",
            metadata: run.metadata)
          poke()
        }
      }
      try await Task.sleep(until: next, clock: .continuous)
      let late = (ContinuousClock.now - next).inSeconds
      if late > 2 {
        logger.warning("this process stood still", metadata: ["seconds": "\(late.tenths)"])
      }
    }
  }
}

extension LeaseRun {
  /// What identifies it in the log.
  var metadata: Logger.Metadata {
    ["job": "\(grant.jobID)", "kind": "\(grant.kind)", "attempt": "\(grant.attempt)"]
  }
}
