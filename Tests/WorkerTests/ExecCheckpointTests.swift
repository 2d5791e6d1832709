import BatonJSON
import BatonShared
import Testing

@testable import BatonWorker

/// The newest checkpoint of a program is the one that stays, whatever was on its way when the program ended.
@Suite struct ExecCheckpointTests {
  @Test func anUploadThatIsOnItsWayAtTheEndIsNotOvertaken() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      coordinator.state.update { $0.holdCheckpoints = true }
      let script = """
        save() { echo "$1" > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"; }
        trap 'save two; echo 0.9 > "$BATON_PROGRESS_FILE"; exit 75' TERM
        save one
        while :; do sleep 0.05; done
        """
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]), onInterruption: .checkpoint)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("the first checkpoint's arrival") { $0.checkpointRequests == 1 }
        worker.drain.receive(InterruptionNotice(source: "simulated", action: "terminate", secondsLeft: 20))
        // The program has ended, and what it saved last waits for its turn.
        try await coordinator.wait("the progress of the end") {
          $0.heartbeats.last?.leases.first?.progress?.fraction == 0.9
        }
        #expect(coordinator.state.value.checkpointRequests == 1, "two at a time may arrive in any order")
        coordinator.state.update { $0.holdCheckpoints = false }
        #expect(try await coordinator.outcome(of: job).outcome == .interrupted)
      }
      #expect(coordinator.state.value.checkpointsSaved == [Array("one\n".utf8), Array("two\n".utf8)])
      #expect(coordinator.state.value.jobs[job]?.checkpoint == Array("two\n".utf8))
    }
  }

  /// A look that the program's end cuts short has learnt nothing of the lease.
  @Test func cancellationIsNotTheLossOfALease() async throws {
    let grant = LeaseGrant(
      leaseID: LeaseID(), jobID: JobIDGenerator().next(), queue: "default", kind: "exec", payload: .emptyObject,
      attempt: 1, interruptions: 0, leaseTTLSeconds: 30, timeoutSeconds: nil, onInterruption: .auto, checkpoint: nil)
    let run = LeaseRun(grant: grant, requestedAt: .now, receivedAt: .now)
    let isCancelled = Watched(false)
    let look = Task {
      _ = try? await isCancelled.first { $0 }
      try await run.awaitTrust()
    }
    look.cancel()
    isCancelled.update { $0 = true }
    await #expect(throws: CancellationError.self) { try await look.value }
    try await run.awaitTrust()
  }
}
