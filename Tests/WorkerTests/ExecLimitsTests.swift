import BatonShared
import Testing

@testable import BatonWorker

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

#if os(Linux)
  /// Programs within limits, and with a part of the worker's environment, on real processes.
  ///
  /// One at a time, and those that compute stand back: they would take the processors from all other tests.
  @Suite(.serialized) struct ExecLimitsTests {
    private func run(
      _ script: String, _ change: @escaping (inout WorkerConfiguration) -> Void
    ) async throws -> (outcome: Settlement, job: CoordinatorDouble.Job, checkpoints: [[UInt8]]) {
      var configuration = WorkerConfiguration()
      change(&configuration)
      let changed = configuration
      return try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
        let worker = try TestWorker(coordinator) { configuration in
          configuration.execUser = changed.execUser
          configuration.execLimits = changed.execLimits
          configuration.execEnvironment = changed.execEnvironment
          configuration.environment = changed.environment
        }
        return try await worker.run {
          let outcome = try await coordinator.outcome(of: job)
          let state = coordinator.state.value
          return (outcome, state.jobs[job]!, state.checkpointsSaved)
        }
      }
    }

    private static func text(_ job: CoordinatorDouble.Job) -> String { String(decoding: job.log, as: UTF8.self) }

    private static var oneSecond: ExecLimits {
      var limits = ExecLimits()
      (limits.processorSeconds, limits.nice) = (1, 19)
      return limits
    }

    @Test func memory() async throws {
      let (outcome, job, _) = try await run("head -c 400000000 /dev/zero | tail -c 300000000 | wc -c; exit 4") {
        $0.execLimits.memoryBytes = 128 << 20
      }
      #expect(Self.text(job).contains("memory exhausted"), "\(Self.text(job))")
      #expect(Self.text(job).contains("\n0\n"), "\(Self.text(job))")
      #expect(outcome.error?.code == "exit_status", "how a program takes it is its own affair")
    }

    @Test func files() async throws {
      let (outcome, job, _) = try await run(
        "cd $(dirname $BATON_RESULT_FILE); echo small > one && wc -c < one; exec head -c 2000000 /dev/zero > two"
      ) {
        $0.execLimits.fileBytes = 1_000_000
      }
      #expect(Self.text(job) == "6\n")
      #expect(outcome.error?.code == "limit_exceeded")
      #expect(
        outcome.error?.message == "the worker's limit EXEC_MAX_FILE_BYTES=1000000 was reached: killed by signal 25; "
          + "its last output:\n6")
      #expect(outcome.retryable)
    }

    @Test func openFiles() async throws {
      let (_, job, _) = try await run("ulimit -n; tee $(yes /dev/null | head -n 40) < /dev/null; echo $?") {
        $0.execLimits.openFiles = 32
      }
      #expect(Self.text(job).hasPrefix("32\n"))
      #expect(Self.text(job).contains("Too many open files"))
      #expect(Self.text(job).hasSuffix("\n1\n"))
    }

    @Test func coreDumpsAndNiceness() async throws {
      let (outcome, job, _) = try await run("ulimit -Sc; ulimit -Hc; nice") {
        $0.execLimits.coreBytes = 0
        $0.execLimits.nice = 7
      }
      #expect(outcome.outcome == .done)
      #expect(Self.text(job) == "0\n0\n7\n")
    }

    @Test func processorTime() async throws {
      let (outcome, _, _) = try await run("while :; do :; done") { $0.execLimits = Self.oneSecond }
      #expect(outcome.error?.code == "limit_exceeded")
      #expect(
        outcome.error?.message == "the worker's limit EXEC_MAX_CPU_SECONDS=1 was reached: killed by signal 24")
    }

    @Test func aProgramWhoseProcessorTimeIsOverMaySaveWhatItHas() async throws {
      let script = """
        save() { echo mine > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"; }
        trap 'save; exit 1' XCPU
        while :; do :; done
        """
      let (outcome, _, checkpoints) = try await run(script) { $0.execLimits = Self.oneSecond }
      #expect(outcome.outcome == .failed)
      #expect(checkpoints == [Array("mine\n".utf8)])
    }

    @Test func whatIgnoresTheSignalIsKilledFiveSecondsLater() async throws {
      let (outcome, _, _) = try await run("trap '' XCPU; while :; do :; done") { $0.execLimits = Self.oneSecond }
      #expect(outcome.error?.code == "limit_exceeded")
      #expect(outcome.error?.message == "the worker's limit EXEC_MAX_CPU_SECONDS=1 was reached: killed by signal 9")
    }

    @Test func limitsHoldForWhatAProgramStartsAndCannotBeRaised() async throws {
      let user = geteuid() == 0 ? ExecUser("54323:54323") : nil
      let (_, job, _) = try await run("sh -c 'ulimit -n; ulimit -n 100 && echo raised'; ulimit -n 20; ulimit -n") {
        $0.execUser = user
        $0.execLimits.openFiles = 32
      }
      #expect(Self.text(job).hasPrefix("32\n"))
      #expect(Self.text(job).hasSuffix("\n20\n"))
      #expect(!Self.text(job).contains("raised"))
    }

    /// Everything that ordinary programs find is the same: signals, descriptors, session, name, folder.
    @Test func aProgramWithinLimitsFindsWhatOrdinaryOnesDo() async throws {
      let script = """
        for name in SigBlk SigIgn; do
          # Without 32 and above: the C library's own.
          echo $name $(( 0x$(grep "^$name" /proc/$$/status | cut -f2) & 0x7fffffff ))
        done
        ls /proc/$$/fd
        cut -d' ' -f6 /proc/$$/stat | grep -qx $$ && echo leads its session
        tr '\\0' ' ' < /proc/$$/cmdline | head -c 6; echo
        pwd; cat; echo; echo $VARIABLE
        """
      let payload = execPayload(
        ["sh", "-c", script], extra: #","cwd":"/usr","input":{"a":[1]},"env":{"VARIABLE":"é = x"}"#)
      func said(_ limits: ExecLimits) async throws -> String {
        try await CoordinatorDouble.run { coordinator in
          let job = try coordinator.submit("exec", payload)
          return try await TestWorker(coordinator) { $0.execLimits = limits }.run {
            let outcome = try await coordinator.outcome(of: job)
            #expect(outcome.outcome == .done)
            return Self.text(coordinator.state.value.jobs[job]!)
          }
        }
      }
      var limits = ExecLimits()
      let ordinary = try await said(limits)
      limits.openFiles = 64
      let limited = try await said(limits)
      #expect(limited == ordinary, "\(limited) and \(ordinary)")
      #expect(ordinary.contains("SigIgn 0\n0\n1\n2\nleads its session\nsh -c \n"))
      #expect(ordinary.hasSuffix("/usr\n{\"a\":[1]}\né = x\n"))
    }

    @Test func whatCannotBeStartedIsToldAsSuch() async throws {
      let folder = FileManager.default.temporaryDirectory.path() + "/start-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let program = folder + "/program"
      try Data("#!/no/such/interpreter\n".utf8).write(to: URL(filePath: program))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
      try await CoordinatorDouble.run { coordinator in
        let job = try coordinator.submit("exec", execPayload([program]))
        try await TestWorker(coordinator) { $0.execLimits.nice = 1 }.run {
          let outcome = try await coordinator.outcome(of: job)
          #expect(outcome.error?.code == "spawn_failed")
          #expect(
            outcome.error?.message
              == "cannot start '\(program)': cannot execute \(program): No such file or directory")
        }
      }
    }

    @Test func onlyTheVariablesThatMayPassDo() async throws {
      let (_, job, _) = try await run("env | sort") { configuration in
        configuration.environment = [
          "PATH": "/usr/bin:/bin", "SECRET": "s", "AWS_REGION": "here", "AWS_KEY": "k", "BATON_TOKEN": "t", "TZ": "UTC",
        ]
        configuration.execEnvironment = ["AWS_R*", "NONE"]
      }
      let names = Self.text(job).split(separator: "\n").map { $0.prefix { $0 != "=" } }
      // Where it is at home, the shell says itself.
      #expect(
        names.filter { !["PWD", "OLDPWD", "SHLVL", "_"].contains($0) } == [
          "AWS_REGION", "BATON_ATTEMPT", "BATON_CHECKPOINT_FILE", "BATON_JOB_ID", "BATON_LEASE_ID",
          "BATON_PROGRESS_FILE", "BATON_RESULT_FILE", "BATON_WORKER_PROCESS", "PATH", "TZ",
        ])
    }
  }
#endif
