import BatonClient
import BatonMetadataDouble
import BatonShared
import BatonTestSupport
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Notices of real length: what a worker makes of its two minutes, and of three seconds.
@Suite(.timeLimit(.minutes(10)), .printsLogs) struct NoticeWindowTests {
  @Test func everySecondOfTwoMinutesIsUsed() async throws {
    try await MetadataDouble.with { imds, address in
      try await Fleet.with(within: .seconds(240)) { fleet in
        let coordinator = try await fleet.startCoordinator(lease: 30, heartbeat: 1)
        let worker = try await fleet.startWorker(
          "worker", for: coordinator, slots: 2,
          environment: ["SPOT_WATCHER_ENABLED": "true", "IMDS_URL": address, "POLL_INTERVAL_SECONDS": "0.5"])
        // It asks for a checkpoint now and then, so that its cost is known.
        let shorter = try await fleet.submit(.steps(106, seconds: 1), to: coordinator)
        let longer = try await fleet.submit(.steps(136, seconds: 1), to: coordinator)
        try await fleet.started(shorter, longer, on: worker)
        for id in [shorter, longer] {
          try await fleet.wait(for: id, at: coordinator, "six seconds of work") {
            ($0.progress?.message).flatMap(Self.step) ?? 0 >= 6
          }
        }
        // One has a hundred seconds to go, the other a hundred and thirty.
        let told = Date()
        imds.announce(action: "terminate", seconds: 120)
        #expect(try await worker.waitForEnd(within: .seconds(150)) == .exited(0))
        #expect(Date().timeIntervalSince(told) < 120, "the machine is gone by then")

        let finished = try await fleet.job(shorter, at: coordinator)
        #expect(finished.status == .done && finished.attempt == 1 && finished.number("executed") == 106)
        let reason = try await fleet.attempts(shorter, at: coordinator).first?.reason ?? ""
        #expect(reason.hasPrefix("finished ") && reason.contains("will finish"), "\(reason)")

        let handedBack = try #require(try await fleet.attempts(longer, at: coordinator).first)
        #expect(handedBack.outcome == .interrupted)
        let why = handedBack.reason ?? ""
        // Where it has saved a checkpoint in the same second by itself, there is nothing new to save.
        let isHandedBack = ["checkpointed and handed back ", "handed back "].contains { why.hasPrefix($0) }
        #expect(isHandedBack && why.contains("ec2_spot terminate"), "\(why)")
        let endedAt = try #require(handedBack.endedAt)
        let used = Double(endedAt.microseconds) / 1e6 - told.timeIntervalSince1970
        // Two seconds of margin and five of reserve: as late as is safe, and not later.
        #expect(used > 110 && used < 118, "handed back after \(used) s")

        // Nothing of it is done again.
        _ = try await fleet.startWorker("successor", for: coordinator)
        let done = try await fleet.finish(longer, at: coordinator, within: .seconds(60))
        #expect(done.status == .done && done.attempt == 2)
        let executed = done.number("executed") ?? 0
        #expect(executed <= 136 - 116 + 3, "\(executed) steps were left after \(used) s of notice")
      }
    }
  }

  @Test func threeSecondsAreEnoughToHandBack() async throws {
    try await MetadataDouble.with { imds, address in
      try await Fleet.with { fleet in
        let coordinator = try await fleet.startCoordinator(lease: 30, heartbeat: 1)
        let worker = try await fleet.startWorker(
          "worker", for: coordinator, slots: 2,
          environment: ["SPOT_WATCHER_ENABLED": "true", "IMDS_URL": address, "POLL_INTERVAL_SECONDS": "0.1"])
        let steps = try await fleet.submit(.steps(100_000, seconds: 0.05, checkpointEvery: 50_000), to: coordinator)
        let program = try await fleet.submit(
          .shell("trap 'echo saved > $BATON_CHECKPOINT_FILE; exit 75' TERM; while :; do sleep 0.1; done"),
          to: coordinator)
        try await fleet.started(steps, program, on: worker)
        try await fleet.wait(for: steps, at: coordinator, "progress") { $0.progress != nil }

        let told = Date()
        imds.announce(action: "terminate", seconds: 3)
        #expect(try await worker.waitForEnd() == .exited(0))
        for id in [steps, program] {
          let attempt = try #require(try await fleet.attempts(id, at: coordinator).first)
          #expect(attempt.outcome == .interrupted)
          let endedAt = try #require(attempt.endedAt)
          let used = Double(endedAt.microseconds) / 1e6 - told.timeIntervalSince1970
          #expect(used < 3, "handed back after \(used) s: \(attempt.reason ?? "")")
          #expect(try await fleet.job(id, at: coordinator).checkpoint != nil)
        }
      }
    }
  }

  /// The number in "step 7 of 100".
  private static func step(_ message: String) -> Int? {
    message.split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }
}
