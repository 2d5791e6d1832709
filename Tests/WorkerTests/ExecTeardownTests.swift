#if os(Linux)
  import BatonShared
  import BatonTestSupport
  import Foundation
  import Subprocess
  import Testing

  @testable import BatonWorker

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #endif

  /// What programs leave behind, and the `worker` command, which adopts it: on real processes.
  ///
  /// One at a time: they look at all of the system's processes again and again.
  @Suite(.serialized, .timeLimit(.minutes(5))) struct ExecTeardownTests {
    /// Processes that stay, are told by this among their arguments, and take no SIGTERM.
    private let token = "stray-\(UInt64.random(in: .min ... .max))"

    private var stay: String { "trap '' TERM; while :; do sleep 0.5; done; : \(token)" }

    /// Runs the `worker` command beside `body`, then drains it.
    private func withWorker(
      _ coordinator: CoordinatorDouble, settings: [String: String] = [:], wrapper: String? = nil,
      _ body: @escaping @Sendable (pid_t) async throws -> Void
    ) async throws -> TerminationStatus {
      let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "worker").path()
      var variables: [Subprocess.Environment.Key: String?] = [
        "COORDINATOR_URL": coordinator.url.absoluteString, "PORT": "0", "SPOT_WATCHER_ENABLED": "false",
        "EXEC_ALLOW": "*", "GRACE_PERIOD_SECONDS": "5", "WORKER_SLOTS": "4", "LOG_LEVEL": "error",
      ]
      for (name, value) in settings { variables[Subprocess.Environment.Key(stringLiteral: name)] = value }
      let command = wrapper.map { ["/bin/sh", "-c", $0, program] } ?? [program]
      let result = try await Subprocess.run(
        .path(.init(command[0])), arguments: Arguments(Array(command.dropFirst())),
        environment: .inherit.updating(variables),
        input: .inputWriter, output: .discarded, error: .discarded
      ) { execution in
        let process = execution.processIdentifier.value
        do {
          try await body(process)
          kill(process, SIGTERM)
        } catch {
          kill(process, SIGKILL)
          throw error
        }
      }
      return result.terminationStatus
    }

    /// Waits until the worker's reaper has looked around several times: each time an orphan that was killed is reaped,
    /// it has looked since the one before was.
    private static func waitForLooks(at coordinator: CoordinatorDouble) async throws {
      let orphan = "(env -i setsid sh -c 'echo $$; exec sleep 300' &); "
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", orphan + orphan + orphan + "sleep 300"]))
      let state = try await coordinator.wait("three orphans") { state in
        state.jobs[job]?.log.count { $0 == UInt8(ascii: "\n") } == 3
      }
      let orphans = String(decoding: state.jobs[job]?.log ?? [], as: UTF8.self).split(separator: "\n")
      for orphan in orphans {
        let orphan = try #require(pid_t(orphan))
        #expect(kill(orphan, SIGKILL) == 0)
        try await eventually("the reaping of an orphan") { kill(orphan, 0) != 0 }
      }
      coordinator.state.update { _ = $0.cancelled.insert(job) }
      _ = try await coordinator.outcome(of: job)
    }

    private static func carrying(_ token: String) -> [pid_t] {
      StrayProcesses.all().filter { pid in
        guard let entry = ProcessEntry.read(pid), !entry.isZombie,
          let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
        else { return false }
        return command.firstRange(of: Data(token.utf8)) != nil
      }
    }

    private static func children(of worker: pid_t) -> [ProcessEntry] {
      ProcessEntry.readAll().filter { $0.parent == worker }
    }

    private static func hasLine(_ job: CoordinatorDouble.Job?) -> Bool {
      job?.log.contains(UInt8(ascii: "\n")) == true
    }

    /// Ways to get away; `STAY` is a script that ignores SIGTERM.
    private static let escapes = [
      #"sh -c "$STAY" & "#,
      #"setsid sh -c "$STAY" & "#,
      #"env -i setsid sh -c "$STAY" & "#,
      // Its parent is gone before anybody can have seen it.
      #"(env -i setsid sh -c "$STAY" </dev/null >/dev/null 2>&1 &)"#,
      #"env -i setsid sh -c '(setsid sh -c "$1" &) & exit' sh "$STAY" </dev/null >/dev/null 2>&1"#,
    ]

    @Test(arguments: escapes, ["exit 0", "exit 3", "sleep 300"])
    func nothingGetsAway(escape: String, end: String) async throws {
      try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        let script = "STAY=\"\(stay)\"; \(escape)\necho started; \(end == "sleep 300" ? "" : "sleep 0.1; ")\(end)"
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        let status = try await withWorker(coordinator) { worker in
          if end == "sleep 300" {
            try await coordinator.wait("its start") { Self.hasLine($0.jobs[job]) }
            try await eventually("its getting away at first") { !Self.carrying(token).isEmpty }
            coordinator.state.update { _ = $0.cancelled.insert(job) }
          }
          let outcome = try await coordinator.outcome(of: job).outcome
          #expect(outcome == ["exit 0": .done, "exit 3": .failed, "sleep 300": .cancelled][end])
          #expect(Self.carrying(token).isEmpty, "nothing is left when the outcome is reported")
          #expect(Self.children(of: worker).isEmpty, "and nothing waits to be reaped")
        }
        #expect(status == .exited(0))
      }
    }

    /// What a container's root usually has, and a service that was given what `EXEC_USER` needs and no more.
    private static let few = "-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid"

    @Test(
      .enabled(if: geteuid() == 0 && ExecUser("nobody") != nil && access("/usr/bin/setpriv", X_OK) == 0),
      arguments: escapes, [nil, "exec setpriv --bounding-set \(few) \"$0\""])
    func nothingOfAnotherUsersGetsAway(escape: String, wrapper: String?) async throws {
      try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        let script = "STAY=\"\(stay)\"; \(escape)\nid -un; sleep 300"
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        let status = try await withWorker(coordinator, settings: ["EXEC_USER": "nobody"], wrapper: wrapper) { worker in
          let state = try await coordinator.wait("its start") { Self.hasLine($0.jobs[job]) }
          #expect(state.jobs[job]?.log == Array("nobody\n".utf8))
          try await eventually("its getting away at first") { !Self.carrying(token).isEmpty }
          coordinator.state.update { _ = $0.cancelled.insert(job) }
          #expect(try await coordinator.outcome(of: job).outcome == .cancelled)
          #expect(Self.carrying(token).isEmpty, "nothing is left when the outcome is reported")
          #expect(Self.children(of: worker).isEmpty, "and nothing waits to be reaped")
        }
        #expect(status == .exited(0))
      }
    }

    @Test(
      .enabled(if: geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0),
      arguments: [
        ("--bounding-set -setuid", "CAP_SETUID"), ("--bounding-set -kill,-chown", "CAP_CHOWN, CAP_KILL"),
        ("--reuid 54321 --clear-groups", "CAP_SETUID"),
      ])
    func aWorkerThatMayNotRunProgramsAsAnotherUserDoesNotStart(privileges: String, missing: String) async throws {
      let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "worker").path()
      // By descriptor, as its folder may be closed to whom it becomes.
      let result = try await Subprocess.run(
        .path("/bin/sh"),
        arguments: ["-c", "exec 9< \"$0\"; exec setpriv \(privileges) /proc/self/fd/9 --port 0 2>&1", program],
        environment: .inherit.updating([
          "EXEC_ALLOW": "*", "EXEC_USER": "nobody", "SPOT_WATCHER_ENABLED": "false", "TMPDIR": "/tmp",
        ]),
        output: .string(limit: 65536))
      #expect(result.terminationStatus != .exited(0))
      let said = result.standardOutput
      #expect(said.contains("EXEC_USER (--exec-user): expected a worker that may run programs as another"), "\(said)")
      #expect(said.contains(missing), "\(said)")
    }

    @Test func aChainThatKeepsStartingItselfAnewIsCaught() async throws {
      try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        // Every link is an orphan in a session of its own, without a variable, and gone in a moment.
        let link = #"[ $1 -gt 0 ] && setsid sh -c "$2" sh $(($1 - 1)) "$2" \#(token) &"#
        let script = #"LINK='\#(link)'; env -i setsid sh -c "$LINK" sh 100000 "$LINK" & echo started; sleep 300"#
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        _ = try await withWorker(coordinator) { worker in
          try await coordinator.wait("its start") { Self.hasLine($0.jobs[job]) }
          try await eventually("a link of the chain") { !Self.carrying(token).isEmpty }
          coordinator.state.update { _ = $0.cancelled.insert(job) }
          #expect(try await coordinator.outcome(of: job).outcome == .cancelled)
          #expect(Self.carrying(token).isEmpty)
          #expect(Self.children(of: worker).isEmpty)
        }
      }
    }

    @Test(arguments: escapes)
    func theEndOfOneJobLeavesTheOthersAlone(escape: String) async throws {
      let folder = FileManager.default.temporaryDirectory.appending(path: token)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      defer { try? FileManager.default.removeItem(at: folder) }
      // Those that get away write down who they are. (What they fork looks like them for a moment.)
      @Sendable func fugitive(_ name: String) -> pid_t? {
        (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)).flatMap { text in
          text.hasSuffix("\n") ? pid_t(text.dropLast()) : nil
        }
      }
      try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        func submit(_ name: String) throws -> JobID {
          let script =
            "STAY=\"echo \\$\\$ > \(folder.path())/\(name); \(stay)-\(name)\"; \(escape)\necho started; sleep 300"
          return try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        }
        let (first, second) = (try submit("one"), try submit("two"))
        _ = try await withWorker(coordinator) { worker in
          try await coordinator.wait("both") { Self.hasLine($0.jobs[first]) && Self.hasLine($0.jobs[second]) }
          try await eventually("both getting away") { fugitive("one") != nil && fugitive("two") != nil }
          let other = try #require(fugitive("two"))
          #expect(Self.carrying(token + "-two").contains(other))
          coordinator.state.update { _ = $0.cancelled.insert(first) }
          _ = try await coordinator.outcome(of: first)
          #expect(Self.carrying(token + "-one").isEmpty)
          try await Self.waitForLooks(at: coordinator)
          #expect(Self.carrying(token + "-two").contains(other), "the other's lives on")
          coordinator.state.update { _ = $0.cancelled.insert(second) }
          _ = try await coordinator.outcome(of: second)
          #expect(Self.carrying(token).isEmpty)
          #expect(Self.children(of: worker).isEmpty)
        }
      }
    }

    @Test func orphansThatEndByThemselvesAreReapedWhileTheJobRuns() async throws {
      try await CoordinatorDouble.run { coordinator in
        let script = "for i in 1 2 3 4 5; do (env -i setsid sleep 0.1 &); done; echo started; sleep 300"
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        _ = try await withWorker(coordinator) { worker in
          try await coordinator.wait("its start") { Self.hasLine($0.jobs[job]) }
          try await eventually("the reaping of all orphans") { Self.children(of: worker).count == 1 }
          #expect(coordinator.state.value.settlements.isEmpty)
        }
      }
    }

    @Test(arguments: [[:], ["EXEC_MAX_OPEN_FILES": "64"]])
    func exitStatusesAreTheProgramsOwnHoweverManyOrphansAreReaped(settings: [String: String]) async throws {
      try await CoordinatorDouble.run { coordinator in
        let jobs = try (0..<120).map { index in
          let script = "(env -i setsid sleep 0.0\(index % 10) &); (setsid sleep 60 &); exit \(index)"
          return try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        }
        _ = try await withWorker(coordinator, settings: settings) { worker in
          for (index, job) in jobs.enumerated() {
            let outcome = try await coordinator.outcome(of: job)
            #expect(outcome.error?.message == (index == 0 ? nil : "exit status \(index)"))
          }
          #expect(Self.children(of: worker).isEmpty)
        }
      }
    }

    @Test func whatWasThereBeforeTheWorkerIsLeftAlone() async throws {
      try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        // Started by the shell that then becomes the worker, as the entry point of a container may do it.
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", "(env -i setsid sleep 300 &); sleep 0.1"]))
        let keep = "sh -c 'sleep 300; : \(token)' & exec \"$0\""
        _ = try await withWorker(coordinator, wrapper: keep) { worker in
          #expect(try await coordinator.outcome(of: job).outcome == .done)
          try await Self.waitForLooks(at: coordinator)
          #expect(Self.children(of: worker).count == 1)
          let elders = Self.carrying(token)
          #expect(!elders.isEmpty)
          for elder in Self.carrying(token) + ProcessEntry.readAll().filter({ elders.contains($0.parent) }).map(\.pid) {
            kill(elder, SIGKILL)
          }
        }
      }
    }

    @Test func theFoldersOfAKilledWorkerAreRemovedByTheNextAndThoseOfALivingOneAreNot() async throws {
      let temporary = FileManager.default.temporaryDirectory.path() + "/teardown-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: temporary) }
      let folders: @Sendable () -> Set<String> = {
        Set((try? FileManager.default.contentsOfDirectory(atPath: temporary)) ?? [])
      }
      try await CoordinatorDouble.run { coordinator in
        let settings = ["TMPDIR": temporary, "WORKER_SLOTS": "1"]
        let killed = try coordinator.submit("exec", execPayload(["sh", "-c", "echo started; sleep 300"]))
        let status = try await withWorker(coordinator, settings: settings) { worker in
          try await coordinator.wait("its start") { Self.hasLine($0.jobs[killed]) }
          kill(worker, SIGKILL)
        }
        #expect(status == .signaled(SIGKILL))
        let left = folders()
        #expect(left.count == 1)
        let living = try coordinator.submit("exec", execPayload(["sh", "-c", "echo started; sleep 300"]))
        _ = try await withWorker(coordinator, settings: settings) { _ in
          try await coordinator.wait("its start") { Self.hasLine($0.jobs[living]) }
          try await eventually("the removal of what is left") { folders().isDisjoint(with: left) }
          let inUse = folders()
          #expect(inUse.count == 1)
          let third = try coordinator.submit("exec", execPayload(["true"]))
          _ = try await withWorker(coordinator, settings: settings) { _ in
            _ = try await coordinator.outcome(of: third)
            #expect(folders().isSuperset(of: inUse), "its worker lives")
          }
        }
        #expect(folders().isEmpty)
      }
    }

    @Test func aWorkerThatEndsTakesEverythingWithIt() async throws {
      try await CoordinatorDouble.run { coordinator in
        let script = "STAY=\"\(stay)\"; \(Self.escapes[3])\necho started; trap '' TERM; sleep 300; sleep 300"
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        let status = try await withWorker(coordinator, settings: ["GRACE_PERIOD_SECONDS": "2"]) { _ in
          try await coordinator.wait("its start") { Self.hasLine($0.jobs[job]) }
          try await eventually("its getting away at first") { !Self.carrying(token).isEmpty }
        }
        #expect(status == .exited(0))
        #expect(Self.carrying(token).isEmpty)
      }
    }
  }
#endif
