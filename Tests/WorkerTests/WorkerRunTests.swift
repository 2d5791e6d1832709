import BatonJSON
import BatonShared
import Testing

@testable import BatonWorker

@Suite struct WorkerRunTests {
  @Test func jobsAreLeasedRunAndSettled() async throws {
    try await CoordinatorDouble.run { coordinator in
      let jobs = try (0..<20).map { _ in try coordinator.submit("noop") }
      let steps = try coordinator.submit("steps", #"{"steps":5,"step_seconds":0.01,"checkpoint_every":2}"#)
      try await TestWorker(coordinator).run {
        for job in jobs { #expect(try await coordinator.outcome(of: job).outcome == .done) }
        let outcome = try await coordinator.outcome(of: steps)
        #expect(outcome.result?.description == #"{"steps":5,"first_step":0,"executed":5}"#)
      }
      let state = coordinator.state.value
      #expect(state.settlements.count == 21, "each once")
      #expect(state.checkpointsSaved.map { String(decoding: $0, as: UTF8.self) } == [#"{"step":2}"#, #"{"step":4}"#])
      #expect(state.registrations.first?.slots == 4)
      #expect(state.registrations.first?.kinds == ["exec", "noop", "sleep", "steps"])
      #expect(state.heartbeats.last?.state == .gone)
      #expect(state.heartbeats.last?.leases.isEmpty == true, "the last word says that nothing is held")
    }
  }

  @Test func execIsGivenItsFilesAndItsOutputIsKept() async throws {
    try await CoordinatorDouble.run { coordinator in
      let script = """
        read line; echo "got $line"; echo oops >&2
        echo '{"fraction":0.5,"message":"half"}' > "$BATON_PROGRESS_FILE"
        test "$BATON_ATTEMPT" = 1 && test -n "$BATON_JOB_ID" && test -n "$BATON_LEASE_ID" || exit 9
        test "$(cat "$BATON_CHECKPOINT_FILE")" = before || exit 8
        test "$GREETING" = hello || exit 7
        echo '{"answer": 42.10}' > "$BATON_RESULT_FILE"
        """
      let payload = execPayload(["sh", "-c", script], extra: #","env":{"GREETING":"hello"},"input":{"a":1}"#)
      let job = try coordinator.submit("exec", payload, checkpoint: Array("before".utf8))
      try await TestWorker(coordinator).run {
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .done, "\(String(describing: outcome.error))")
        #expect(outcome.result?.description == #"{"answer": 42.10}"#)
      }
      let log = String(decoding: coordinator.state.value.jobs[job]?.log ?? [], as: UTF8.self)
      #expect(log.contains("got {\"a\":1}"))
      #expect(log.contains("oops"))
    }
  }
}

/// The payload of an `exec` job.
func execPayload(_ command: [String], extra: String = "") -> String {
  let words = command.map { word in
    var writer = JSONWriter()
    writer.value(word)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
  return #"{"command":[\#(words.joined(separator: ","))]\#(extra)}"#
}
