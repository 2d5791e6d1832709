import BatonShared
import BatonTestSupport
import Testing

/// What a coordinator's metrics say of hand-overs and of work that was lost.
@Suite(.timeLimit(.minutes(10)), .printsLogs) struct HandoverMetricsTests {
  @Test func aHandOverTakesMillisecondsAndALossIsCountedWithItsWork() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 2)
      func metric(_ name: String, _ outcome: String) async throws -> Double {
        let text = try await call("GET", coordinator.address + "/metrics").text
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name){outcome=\"\(outcome)\"} ") }
        return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) } ?? 0
      }
      let first = try await fleet.startWorker("first", for: coordinator)
      let job = try await fleet.submit(
        .steps(100_000, seconds: 0.02, checkpointEvery: 1_000_000, onInterruption: .checkpoint), to: coordinator)
      try await fleet.wait(for: job, at: coordinator, "progress") { $0.progress != nil }
      #expect(try await metric("baton_handover_seconds_count", "interrupted") == 0)

      let beforeSecond = ContinuousClock.now
      // Another waits for work, and gets the job as soon as it is handed back.
      let second = try await fleet.startWorker("second", for: coordinator)
      #expect(try await call("POST", first.address + "/drain").status == 202)
      try await eventually("the hand-over") { try await metric("baton_handover_seconds_count", "interrupted") == 1 }
      #expect(try await metric("baton_handover_seconds_sum", "interrupted") < 1)
      #expect(try await metric("baton_lost_work_seconds_count", "interrupted") == 1)
      #expect(try await metric("baton_lost_work_seconds_sum", "interrupted") < 1)
      #expect(try await metric("baton_lost_work_seconds_count", "expired") == 0)

      // It runs for a while without a checkpoint, a hundred steps of a fiftieth of a second, and vanishes.
      let begun = try await fleet.wait(for: job, at: coordinator, "the second attempt's progress") {
        $0.attempt == 2 && $0.status == .processing && $0.progress?.fraction != nil
      }
      let goal = (begun.progress?.fraction ?? 0) + 100.0 / 100_000
      try await fleet.wait(for: job, at: coordinator, "a hundred steps") { ($0.progress?.fraction ?? 0) >= goal }
      try await second.killAndWait()
      let atMost = (ContinuousClock.now - beforeSecond) / .seconds(1) + 2
      _ = try await fleet.startWorker("third", for: coordinator)
      try await eventually("the second hand-over") { try await metric("baton_handover_seconds_count", "expired") == 1 }
      #expect(try await metric("baton_handover_seconds_sum", "expired") >= 2, "at least the time of the lease")
      #expect(try await metric("baton_lost_work_seconds_count", "expired") == 1)
      let lost = try await metric("baton_lost_work_seconds_sum", "expired")
      #expect(lost > 4 && lost < atMost, "what it ran, and the time of the lease renewed last: \(lost) of \(atMost)")
    }
  }
}
