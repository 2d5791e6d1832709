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

      // Another waits for work, and gets the job as soon as it is handed back.
      let second = try await fleet.startWorker("second", for: coordinator)
      #expect(try await call("POST", first.address + "/drain").status == 202)
      try await eventually("the hand-over") { try await metric("baton_handover_seconds_count", "interrupted") == 1 }
      #expect(try await metric("baton_handover_seconds_sum", "interrupted") < 1)
      #expect(try await metric("baton_lost_work_seconds_count", "interrupted") == 1)
      #expect(try await metric("baton_lost_work_seconds_sum", "interrupted") < 1)
      #expect(try await metric("baton_lost_work_seconds_count", "expired") == 0)

      // It runs for a while without a checkpoint, and vanishes.
      try await fleet.wait(for: job, at: coordinator, "the second attempt") {
        $0.attempt == 2 && $0.status == .processing
      }
      try await Task.sleep(for: .seconds(2))
      try await second.killAndWait()
      _ = try await fleet.startWorker("third", for: coordinator)
      try await eventually("the second hand-over") { try await metric("baton_handover_seconds_count", "expired") == 1 }
      #expect(try await metric("baton_handover_seconds_sum", "expired") >= 2, "at least the time of the lease")
      #expect(try await metric("baton_lost_work_seconds_count", "expired") == 1)
      let lost = try await metric("baton_lost_work_seconds_sum", "expired")
      #expect((2...12).contains(lost), "\(lost)")
    }
  }
}
