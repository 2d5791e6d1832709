import BatonShared
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The benchmarks of `baton bench`: each returns what it found.
public struct Bench: Sendable {
  /// What is measured.
  public enum Subject: Sendable {
    /// A fleet of its own, which ends with the benchmark.
    case privateFleet(BenchPrograms)
    /// A coordinator that runs already; jobs go to a queue of the benchmark's own.
    case running(WireTarget)
  }

  let subject: Subject
  /// Told what is being done, for somebody who waits.
  let progress: @Sendable (String) -> Void
  /// Nobody else's jobs are in it.
  let queue: String

  public init(subject: Subject, progress: @escaping @Sendable (String) -> Void) {
    self.subject = subject
    self.progress = progress
    queue = "bench-" + String(UInt64.random(in: .min ... .max), radix: 36)
  }
}

extension Bench {
  /// The gap from the release of a job to its next start, with an idle worker waiting.
  ///
  /// - Parameters:
  ///   - rounds: Hand-overs at the level of the protocol.
  ///   - workerRounds: Hand-overs between real worker processes; only with a private fleet.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func handover(rounds: Int, workerRounds: Int) async throws -> BenchReport {
    switch subject {
    case .running(let target):
      var report = BenchReport(setting: Setting.machine())
      progress("\(rounds) hand-overs, the protocol spoken by the benchmark")
      let outcome = try await ProtocolHandover(target: target, queue: queue, rounds: rounds).run()
      report.add(outcome)
      return report
    case .privateFleet(let programs):
      return try await BenchFleet.with(programs) { fleet in
        var report = BenchReport(setting: try await Setting.of(fleet))
        let coordinator = try await fleet.startCoordinator(leaseSeconds: 30)
        let target = try WireTarget(address: "http://127.0.0.1:\(coordinator.port)")
        progress("\(rounds) hand-overs, the protocol spoken by the benchmark")
        let outcome = try await ProtocolHandover(target: target, queue: queue, rounds: rounds).run()
        let times = try await AttemptTimes.read(of: outcome.job, from: fleet.database)
        report.add(outcome, times: times)
        if workerRounds > 0 {
          progress("\(workerRounds) hand-overs between real workers")
          let workers = try await WorkerHandover(
            fleet: fleet, coordinator: coordinator, queue: queue, rounds: workerRounds
          ).run()
          report.add(workers, times: try await AttemptTimes.read(of: workers.job, from: fleet.database))
        }
        try await fleet.stop(coordinator)
        return report
      }
    }
  }

  /// The time from the sudden death of a worker to the next start of its job. Needs a private fleet.
  ///
  /// - Parameters:
  ///   - leases: How long a lease lasts, in seconds; one series for each.
  ///   - rounds: Kills of each series.
  /// - Throws: `BenchError`, `LocalPostgresError`.
  public func recovery(leases: [Double], rounds: Int) async throws -> BenchReport {
    guard case .privateFleet(let programs) = subject else {
      throw BenchError("it kills workers, so it needs a fleet of its own: leave out --url")
    }
    return try await BenchFleet.with(programs) { fleet in
      var report = BenchReport(setting: try await Setting.of(fleet))
      for lease in leases {
        progress("\(rounds) workers killed, with a lease of \(lease) s")
        let coordinator = try await fleet.startCoordinator(leaseSeconds: lease)
        let outcome = try await WorkerRecovery(
          fleet: fleet, coordinator: coordinator, queue: queue, leaseSeconds: lease, rounds: rounds
        ).run()
        report.add(outcome, leaseSeconds: lease)
        try await fleet.stop(coordinator)
      }
      return report
    }
  }
}
