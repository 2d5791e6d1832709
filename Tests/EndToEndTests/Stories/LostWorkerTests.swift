import BatonClient
import BatonShared
import BatonTestSupport
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct LostWorkerTests {
  @Test func aJobWhoseWorkerIsKilledGoesOnElsewhereAtItsLastCheckpoint() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 2, heartbeat: 0.1)
      let first = try await fleet.startWorker("first", for: coordinator)
      let id = try await fleet.submit(.steps(400, seconds: 0.02), to: coordinator)
      try await fleet.running(id, at: coordinator)
      let second = try await fleet.startWorker("second", for: coordinator)

      try await fleet.wait(for: id, at: coordinator, "checkpoint 3") { ($0.checkpoint?.sequence ?? 0) >= 3 }
      let killedAt = Int64(Date().timeIntervalSince1970 * 1e6)
      try await first.killAndWait()
      #expect(first.ending == .signalled(SIGKILL))

      let job = try await fleet.finish(id, at: coordinator)
      try #require(job.status == .done)
      #expect((job.losses, job.failures, job.interruptions, job.attempt) == (1, 0, 0, 2))
      let attempts = try await fleet.attempts(id, at: coordinator)
      try #require(attempts.map(\.outcome) == [.lost, .done])
      // Checkpoint n was saved at step 10 n.
      let saved = try #require(attempts[0].checkpointSequence)
      #expect(saved >= 3)
      #expect(job.result?.description == #"{"steps":400,"first_step":\#(10 * saved),"executed":\#(400 - 10 * saved)}"#)
      #expect(attempts[1].checkpointSequence == 39)
      // Found by the end of the lease alone: two seconds, and at most about two more for somebody to look.
      #expect(attempts[1].startedAt.microseconds - killedAt < 5_000_000)
      #expect(attempts[0].workerID.hasPrefix("first-") && attempts[1].workerID.hasPrefix("second-"))
      #expect(second.ending == nil)
    }
  }

  @Test func aJobWhoseWorkerIsToldToStopGoesOnElsewhereAtTheVeryStep() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 10, heartbeat: 0.1)
      let first = try await fleet.startWorker("first", for: coordinator)
      let id = try await fleet.submit(.steps(500, seconds: 0.02, onInterruption: .checkpoint), to: coordinator)
      try await fleet.running(id, at: coordinator)
      _ = try await fleet.startWorker("second", for: coordinator)
      try await fleet.wait(for: id, at: coordinator, "a step that is no checkpoint") {
        let step = Int((($0.progress?.fraction ?? 0) * 500).rounded())
        return step > 30 && step % 10 != 0
      }

      let told = ContinuousClock.now
      first.signal(SIGTERM)
      #expect(try await first.waitForEnd() == .exited(0))
      // It leaves when its job is handed over, not when its grace is over.
      #expect(ContinuousClock.now - told < .seconds(10))

      let job = try await fleet.finish(id, at: coordinator)
      try #require(job.status == .done)
      let farewell = try await fleet.logs(id, attempt: 1, at: coordinator)
      let step = try #require(
        farewell.firstMatch(of: #/interrupted at step (\d+) of 500/#).flatMap { Int($0.output.1) }, "\(farewell)")
      #expect(job.number("first_step") == step)
      #expect(job.number("executed") == 500 - step)
      #expect((job.losses, job.failures, job.interruptions) == (0, 0, 1))
      let attempts = try await fleet.attempts(id, at: coordinator)
      try #require(attempts.map(\.outcome) == [.interrupted, .done])
      #expect(attempts[0].reason?.contains("sigterm") == true)
      // The one that waits is woken by the hand-over.
      let gap = attempts[1].startedAt.microseconds - (try #require(attempts[0].endedAt)).microseconds
      #expect(gap < 1_000_000)
    }
  }

  @Test func aWorkerThatWakesAfterItsLeaseHasNoSayAnyMore() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 2)
      let first = try await fleet.startWorker("first", for: coordinator)
      let id = try await fleet.submit(.steps(60, seconds: 0.05), to: coordinator)
      try await fleet.wait(for: id, at: coordinator, "a checkpoint") { $0.checkpoint != nil }
      first.signal(SIGSTOP)
      let second = try await fleet.startWorker("second", for: coordinator)
      let finished = try await fleet.finish(id, at: coordinator)
      try #require(finished.status == .done)
      let stale = try await fleet.attempts(id, at: coordinator)[0]
      let log = try await fleet.logs(id, at: coordinator)
      let checkpoint = try await send(.checkpoint(id), to: coordinator.address)

      first.signal(SIGCONT)
      try await eventually("the worker giving its copy up") {
        try await call("GET", first.address + "/metrics").text.contains(#/outcome="lost".* 1\n/#)
      }
      // It is of use again; the other one has gone, so it must be the one that takes this.
      second.signal(SIGTERM)
      try await second.waitForEnd()
      let next = try await fleet.submit(.noop, to: coordinator)
      #expect(try await fleet.finish(next, at: coordinator).workerID == stale.workerID)

      // What it could have said, and whatever else carries that lease's id, changes nothing.
      let lease = "\(coordinator.address)/leases/\(stale.leaseID)"
      let saved = try await call("PUT", "\(lease)/checkpoint", body: Array("late".utf8))
      #expect((saved.status, saved.code) == (409, "lease_lost"))
      let logged = try await call("POST", "\(lease)/logs", body: Array("late".utf8))
      #expect((logged.status, logged.code) == (409, "lease_lost"))
      let settled = try await call(
        "POST", "\(coordinator.address)/leases/settle",
        headers: [("Content-Type", "application/json")],
        body: Array(#"{"results":[{"lease_id":"\#(stale.leaseID)","outcome":"failed"}]}"#.utf8))
      #expect(settled.status == 200 && settled.text.contains(#""status":"lost""#), "\(settled.text)")
      let beaten = try await call(
        "POST", "\(coordinator.address)/workers/\(stale.workerID)/heartbeat",
        headers: [("Content-Type", "application/json")],
        body: Array(#"{"state":"active","leases":[{"lease_id":"\#(stale.leaseID)"}]}"#.utf8))
      #expect(beaten.status == 200 && beaten.text.contains(#""status":"lost""#), "\(beaten.text)")

      let job = try await fleet.job(id, at: coordinator)
      #expect(job.json == finished.json)
      try await fleet.expectOutcomes([.lost, .done], of: id, at: coordinator)
      #expect(try await fleet.logs(id, at: coordinator) == log)
      #expect(try await send(.checkpoint(id), to: coordinator.address).bytes == checkpoint.bytes)
    }
  }

  @Test(.enabled(if: ProcessTable.isAvailable))
  func aWorkerThatWakesAfterItsLeaseStopsTheProgramThatItStillRuns() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 2)
      let first = try await fleet.startWorker("first", for: coordinator)
      // The program is a session of its own, so it runs on while its worker is stopped.
      let id = try await fleet.submit(
        .shell(
          """
          if [ $BATON_ATTEMPT = 1 ]; then
            trap '' TERM
            sleep 300 &
            while :; do sleep 0.1; echo mine > $BATON_RESULT_FILE; done
          fi
          echo '"theirs"' > $BATON_RESULT_FILE
          """), to: coordinator)
      try await fleet.running(id, at: coordinator)
      let lease = try await fleet.attempts(id, at: coordinator)[0].leaseID
      try await eventually("the program with its child") { fleet.programs(of: lease).count >= 2 }
      first.signal(SIGSTOP)
      _ = try await fleet.startWorker("second", for: coordinator)
      let job = try await fleet.finish(id, at: coordinator)
      #expect(job.result?.description == #""theirs""#)
      #expect(!fleet.programs(of: lease).isEmpty)

      first.signal(SIGCONT)
      try await eventually("the end of the program") { fleet.programs(of: lease).isEmpty }
      #expect(first.ending == nil)
      #expect(try await fleet.job(id, at: coordinator).json == job.json)
      try await fleet.expectOutcomes([.lost, .done], of: id, at: coordinator)
    }
  }
}
