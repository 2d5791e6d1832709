import BatonShared
import BatonTestSupport
import Testing

@testable import BatonWorker

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#endif

/// Programs of jobs, on real processes.
@Suite struct ExecTests {
  private func run(
    _ payload: String, timeoutSeconds: Double? = nil, _ change: (inout WorkerConfiguration) -> Void = { _ in }
  ) async throws -> (outcome: Settlement, job: CoordinatorDouble.Job) {
    var configuration = WorkerConfiguration()
    change(&configuration)
    let allow = configuration.execAllow
    return try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let job = try coordinator.submit("exec", payload, timeoutSeconds: timeoutSeconds)
      let worker = try TestWorker(coordinator) { if !allow.isEmpty { $0.execAllow = allow } }
      return try await worker.run {
        let outcome = try await coordinator.outcome(of: job)
        return (outcome, coordinator.state.value.jobs[job]!)
      }
    }
  }

  @Test(arguments: [
    (#"{}"#, "'payload.command' must be"),
    (#"[]"#, "'payload' must be an object"),
    (#"{"command":[]}"#, "'payload.command' must be"),
    (#"{"command":"ls"}"#, "'payload.command' must be an array"),
    (#"{"command":["ls",1]}"#, "'payload.command[1]' must be a string"),
    (#"{"command":["ls"],"env":{"A":1}}"#, "'payload.env.A' must be a string"),
    (#"{"command":["ls"],"env":{"A=B":"1"}}"#, "'payload.env.A=B' must be a variable"),
    (#"{"command":["ls"],"cwd":"/no/such/folder"}"#, "'payload.cwd' must be a folder"),
  ])
  func badPayloadsFailForGoodAndNameTheField(payload: String, message: String) async throws {
    let outcome = try await run(payload).outcome
    #expect(outcome.outcome == .failed)
    #expect(outcome.error?.code == "invalid_payload")
    #expect(outcome.error?.message.hasPrefix(message) == true, "\(outcome.error?.message ?? "")")
    #expect(!outcome.retryable)
  }

  @Test func onlyAllowedProgramsRun() async throws {
    let refused = try await run(execPayload(["/bin/echo", "hi"])) { $0.execAllow = ["echo", "sh"] }.outcome
    #expect(refused.error?.code == "not_allowed")
    #expect(!refused.retryable)
    let allowed = try await run(execPayload(["echo", "hi"])) { $0.execAllow = ["echo"] }.outcome
    #expect(allowed.outcome == .done)
    let missing = try await run(execPayload(["no-such-program"])).outcome
    #expect(missing.error?.code == "command_not_found")
    #expect(!missing.retryable)
  }

  @Test func aFailureTellsTheStatusAndTheLastLines() async throws {
    let outcome = try await run(execPayload(["sh", "-c", "seq 1 100; echo boom >&2; exit 3"])).outcome
    #expect(outcome.outcome == .failed)
    #expect(outcome.error?.code == "exit_status")
    #expect(outcome.error?.message == "exit status 3; its last output:\n97\n98\n99\n100\nboom")
    #expect(outcome.retryable)
    let signalled = try await run(execPayload(["sh", "-c", "kill -SEGV $$"])).outcome
    #expect(signalled.error?.message == "killed by signal 11")
  }

  @Test func temporaryFailureWithoutASignalIsAFailure() async throws {
    let outcome = try await run(execPayload(["sh", "-c", "exit 75"])).outcome
    #expect(outcome.outcome == .failed)
    #expect(outcome.error?.message == "exit status 75")
  }

  @Test func aResultThatIsNoJSONFailsForGood() async throws {
    let outcome = try await run(execPayload(["sh", "-c", "echo '{' > $BATON_RESULT_FILE"])).outcome
    #expect(outcome.error?.code == "invalid_result")
    #expect(!outcome.retryable)
  }

  @Test func theTokenIsNotThePrograms() async throws {
    let outcome = try await run(execPayload(["sh", "-c", "test -z \"$BATON_TOKEN\""])).outcome
    #expect(outcome.outcome == .done)
  }

  @Test func aProgramThatNeverReadsItsLargeInputDoesNotHang() async throws {
    let input = "\"" + String(repeating: "x", count: 600_000) + "\""
    let outcome = try await run(execPayload(["true"], extra: #","input":\#(input)"#)).outcome
    #expect(outcome.outcome == .done)
  }

  @Test func outputIsRepairedWhereverItIsCut() async throws {
    let script = #"printf 'caf\303'; sleep 0.2; printf '\251 \377\000ok\n'"#
    let job = try await run(execPayload(["sh", "-c", script])).job
    #expect(String(decoding: job.log, as: UTF8.self) == "café \u{FFFD}\u{FFFD}ok\n")
  }

  @Test func aFloodOfOutputIsKeptOrSaidToBeMissing() async throws {
    let (outcome, job) = try await run(execPayload(["sh", "-c", "seq 1 400000; echo end"]))
    #expect(outcome.outcome == .done)
    let text = String(decoding: job.log, as: UTF8.self)
    #expect(text.hasSuffix("end\n"))
    #expect(text.contains("399999\n400000\n"))
    let lines = text.split(separator: "\n").count
    #expect(lines == 400_001 || text.contains("bytes of output were not kept"))
  }

  @Test func aTimeoutEndsTheProgram() async throws {
    let began = ContinuousClock.now
    let outcome = try await run(execPayload(["sh", "-c", "sleep 60"]), timeoutSeconds: 0.5).outcome
    #expect(outcome.outcome == .timedOut)
    #expect(outcome.error?.code == "timed_out")
    #expect(ContinuousClock.now - began < .seconds(20))
  }

  @Test func aCancelledProgramIsTerminated() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let job = try coordinator.submit("exec", execPayload(["sleep", "60"]))
      try await TestWorker(coordinator).run {
        try await coordinator.wait("a renewal") { $0.heartbeats.last?.leases.isEmpty == false }
        coordinator.state.update { _ = $0.cancelled.insert(job) }
        #expect(try await coordinator.outcome(of: job).outcome == .cancelled)
      }
    }
  }

  @Test func checkpointsAndProgressAreCarriedWhileTheProgramRuns() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let script = """
        echo one > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"
        echo 0.25 > "$BATON_PROGRESS_FILE"
        trap 'echo two > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"; exit 75' TERM
        while :; do sleep 0.05; done
        """
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]), onInterruption: .checkpoint)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("the first checkpoint") { $0.checkpointsSaved == [Array("one\n".utf8)] }
        try await coordinator.wait("the progress") { $0.heartbeats.last?.leases.first?.progress?.fraction == 0.25 }
        worker.drain.receive(InterruptionNotice(source: "simulated", action: "terminate", secondsLeft: 20))
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .interrupted)
        #expect(outcome.reason?.hasPrefix("checkpointed and handed back") == true)
      }
      #expect(coordinator.state.value.checkpointsSaved.last == Array("two\n".utf8), "saved on the way out")
    }
  }

  @Test func aProgramThatIgnoresItsTerminationIsKilledAndItsLastCheckpointKept() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let script = """
        trap '' TERM
        i=0
        while :; do
          i=$((i+1)); echo "$i" > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"
          sleep 0.05
        done
        """
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
      let worker = try TestWorker(coordinator) { $0.gracePeriod = 4 }
      try await worker.run {
        try await coordinator.wait("a checkpoint") { !$0.checkpointsSaved.isEmpty }
        let began = ContinuousClock.now
        worker.drain.receive(InterruptionNotice(source: "operator", action: "drain", secondsLeft: nil))
        let outcome = try await coordinator.outcome(of: job)
        let used = (ContinuousClock.now - began).inSeconds
        #expect(outcome.outcome == .interrupted)
        #expect(used > 2 && used < 8, "\(used)")
      }
      let saved = coordinator.state.value.checkpointsSaved.map { String(decoding: $0, as: UTF8.self) }
      #expect(saved.allSatisfy { $0.hasSuffix("\n") && Int($0.dropLast()) != nil }, "each of them whole")
      #expect(Int(saved.last!.dropLast())! > 20, "the newest, not the first")
    }
  }

  @Test func halfACheckpointIsNotSavedOfAProgramThatIsKilledWhileItWrites() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      // The second is written in place, against the rules, and is not finished when the end comes.
      let script = """
        trap 'printf ha >> "$BATON_CHECKPOINT_FILE"; kill -KILL $$' TERM
        echo one > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"
        while :; do sleep 0.05; done
        """
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]), onInterruption: .checkpoint)
      let worker = try TestWorker(coordinator)
      try await worker.run {
        try await coordinator.wait("the first") { $0.checkpointsSaved == [Array("one\n".utf8)] }
        worker.drain.receive(InterruptionNotice(source: "operator", action: "drain", secondsLeft: nil))
        #expect(try await coordinator.outcome(of: job).outcome == .interrupted)
      }
      #expect(coordinator.state.value.checkpointsSaved == [Array("one\n".utf8)])
    }
  }

  @Test func whatStandsStillBecauseItsWriterIsDeadIsNotTakenForWhole() throws {
    let path = FileManager.default.temporaryDirectory.path() + "/standing-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(FileManager.default.createFile(atPath: path, contents: Data("start".utf8)))
    var file = WatchedFile(path: path, isKnown: true)
    let writer = try #require(fopen(path, "a"))
    fputs(" ha", writer)
    fclose(writer)
    #expect(file.takeIfNew() == nil, "a look just after the last that was written")
    #expect(file.takeIfNew(after: .killed) == nil)
    #expect(file.takeIfNew(after: .byItself) == Array("start ha".utf8))
  }

  @Test(arguments: ["trap '' TERM; yes", "trap '' TERM; yes >&2 & yes"])
  func aProgramThatNeverStopsWritingDoesNotHoldUpTheHandOver(script: String) async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
      let worker = try TestWorker(coordinator) { $0.gracePeriod = 3 }
      try await worker.run {
        try await coordinator.wait("its output") { ($0.jobs[job]?.log.count ?? 0) > 1000 }
        worker.drain.receive(InterruptionNotice(source: "operator", action: "drain", secondsLeft: nil))
        #expect(try await coordinator.outcome(of: job).outcome == .interrupted)
      }
    }
  }

  @Test func outputIsNotWaitedForWhenTheProgramHasEnded() async throws {
    try await CoordinatorDouble.run { coordinator in
      let token = "late-\(UInt64.random(in: .min ... .max))"
      // Out of reach of a worker that does not adopt orphans, it holds the program's standard output.
      let script = "(env -i setsid sh -c 'sleep 120; echo late; : \(token)' &); echo early"
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
      try await TestWorker(coordinator).run {
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .done)
        #expect(coordinator.state.value.jobs[job]?.log == Array("early\n".utf8))
      }
      #if os(Linux)
        for process in StrayProcesses.all() {
          let command = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
          if command.firstRange(of: Data(token.utf8)) != nil { kill(process, SIGKILL) }
        }
      #endif
    }
  }

  #if os(Linux)
    @Test(arguments: [
      "trap '' TERM; sleep 300 & echo $! ; wait; sleep 300",
      "(trap '' TERM; sleep 300) & echo $!; exec sleep 300",
      "setsid sh -c 'trap \"\" TERM; echo $$; exec sleep 300' & sleep 0.3; exec sleep 300",
      // Known by its parent, which lives when the program is to end.
      "env -i setsid sh -c 'trap \"\" TERM; echo $$; exec sleep 300' & wait; sleep 300",
      "nohup sleep 300 >/dev/null 2>&1 & echo $!; exit 0",
      "sleep 300 & echo $!; exit 0",
    ])
    func nothingThatAProgramStartedOutlivesIt(script: String) async throws {
      try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        let job = try coordinator.submit(
          "exec", execPayload(["sh", "-c", script]), onInterruption: .checkpoint)
        let worker = try TestWorker(coordinator) { $0.gracePeriod = 2 }
        try await worker.run {
          let state = try await coordinator.wait("the grandchild's number") { state in
            state.jobs[job]?.log.contains(UInt8(ascii: "\n")) == true
          }
          let text = String(decoding: state.jobs[job]?.log ?? [], as: UTF8.self)
          let grandchild = try #require(pid_t(text.split(separator: "\n")[0]))
          worker.drain.receive(InterruptionNotice(source: "operator", action: "drain", secondsLeft: nil))
          _ = try await coordinator.outcome(of: job)
          // Adopted and reaped by init a moment after it was killed.
          try await eventually("the end of the grandchild") {
            kill(grandchild, 0) != 0 || Self.isZombie(grandchild)
          }
        }
      }
    }

    @Test func manyJobsLeaveNoDescriptorAndNoZombie() async throws {
      try await CoordinatorDouble.run { coordinator in
        let worker = try TestWorker(coordinator)
        try await worker.run {
          let warmUp = try (0..<20).map { _ in try coordinator.submit("exec", execPayload(["true"])) }
          for job in warmUp { _ = try await coordinator.outcome(of: job) }
          let folders = { Self.scratchFolders() }
          let jobs = try (0..<200).map { index in
            try coordinator.submit("exec", execPayload(["sh", "-c", index.isMultiple(of: 2) ? "echo hi" : "exit 1"]))
          }
          for job in jobs { _ = try await coordinator.outcome(of: job) }
          let leases = coordinator.state.value.settlements.map(\.settlement.leaseID.description)
          #expect(folders().allSatisfy { folder in !leases.contains { folder.hasSuffix($0) } })
          // A moment between the end of one, of another test's job perhaps, and its reaping is no leak.
          let zombies = Self.zombies(named: ["true", "sh"])
          try await eventually("the reaping of all") { !zombies.contains { Self.isZombie($0) } }
        }
      }
    }

    private static func isZombie(_ process: pid_t) -> Bool {
      guard let stat = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return false }
      let text = String(decoding: stat, as: UTF8.self)
      return text[(text.lastIndex(of: ")") ?? text.startIndex)...].hasPrefix(") Z")
    }

    private static func zombies(named names: [String]) -> [pid_t] {
      let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return processes.compactMap { pid_t($0) }.filter { process in
        guard let stat = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return false }
        let text = String(decoding: stat, as: UTF8.self)
        guard names.contains(where: { text.contains("(\($0)) Z") }) else { return false }
        let parent = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")[2]
        return pid_t(parent) == getpid()
      }
    }

    private static func scratchFolders() -> [String] {
      let parent = FileManager.default.temporaryDirectory.path()
      return ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).filter { $0.hasPrefix("baton-") }
    }
  #endif
}
