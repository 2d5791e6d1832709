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

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct ExecTests {
  /// Counts to `count`, slowly; on SIGTERM it saves where it is and asks to be run again.
  private static let counter = #"""
    import json, os, signal, sys, time
    checkpoint = os.environ["BATON_CHECKPOINT_FILE"]
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    number = json.load(open(checkpoint))["number"] if os.path.exists(checkpoint) else 0
    first, count = number, json.load(sys.stdin)["count"]
    print("from", first, flush=True)
    def write(path, value):
        with open(path + ".new", "w") as file: json.dump(value, file)
        os.replace(path + ".new", path)
    while number < count:
        time.sleep(0.02)
        number += 1
        write(os.environ["BATON_PROGRESS_FILE"], {"fraction": number / count, "message": "number %d" % number})
        if number % 10 == 0: write(checkpoint, {"number": number})
        if told:
            write(checkpoint, {"number": number})
            print("saved", number, flush=True)
            sys.exit(75)
    write(os.environ["BATON_RESULT_FILE"], {"first": first, "last": number, "π": "∑"})
    """#

  @Test(.enabled(if: Executables.system("python3") != nil))
  func aProgramSavesWhereItIsAndGoesOnElsewhere() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 10, heartbeat: 0.2)
      let first = try await fleet.startWorker("first", for: coordinator)
      let program = try JobSubmission.exec(["python3", "-c", Self.counter], input: #"{"count":100}"#)
      let id = try await fleet.submit(program.with { $0.onInterruption = .checkpoint }, to: coordinator)
      try await fleet.wait(for: id, at: coordinator, "progress and a checkpoint") {
        $0.checkpoint != nil && ($0.progress?.fraction ?? 0) > 0 && $0.progress?.message?.hasPrefix("number ") == true
      }
      try await eventually("what it writes while it runs") {
        try await fleet.logs(id, at: coordinator) == "from 0\n"
      }
      first.signal(SIGTERM)
      _ = try await fleet.startWorker("second", for: coordinator)
      #expect(try await first.waitForEnd() == .exited(0))

      let job = try await fleet.finish(id, at: coordinator)
      try #require(job.status == .done, "\(String(describing: job.error))")
      let saved = try await fleet.logs(id, attempt: 1, at: coordinator)
      let number = try #require(saved.firstMatch(of: #/saved (\d+)/#).flatMap { Int($0.output.1) }, "\(saved)")
      #expect(try await fleet.logs(id, attempt: 2, at: coordinator) == "from \(number)\n")
      #expect(try await fleet.logs(id, at: coordinator) == "from 0\nsaved \(number)\nfrom \(number)\n")
      #expect((job.number("first"), job.number("last")) == (number, 100))
      #expect((job.failures, job.losses, job.interruptions) == (0, 0, 1))
      try await fleet.expectOutcomes([.interrupted, .done], of: id, at: coordinator)
    }
  }

  @Test func aProgramThatFailsSaysHow() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      _ = try await fleet.startWorker("worker", for: coordinator)
      let broken = try JobSubmission.shell("echo it is broken >&2; exit 3").with { $0.maxAttempts = 1 }
      let failed = try await fleet.finish(try await fleet.submit(broken, to: coordinator), at: coordinator)
      #expect(failed.status == .failed && failed.failures == 1)
      #expect(failed.error?.code == "exit_status")
      #expect(failed.error?.message.contains("exit status 3") == true)
      #expect(failed.error?.message.contains("it is broken") == true)

      let killed = try JobSubmission.shell("kill -9 $$").with { $0.maxAttempts = 1 }
      let died = try await fleet.finish(try await fleet.submit(killed, to: coordinator), at: coordinator)
      #expect(died.status == .failed && died.error?.message.contains("signal 9") == true)

      // Nothing that another try could mend.
      let missing = try JobSubmission.exec(["there-is-no-such-program"])
      let absent = try await fleet.finish(try await fleet.submit(missing, to: coordinator), at: coordinator)
      #expect(absent.status == .failed && absent.failures == 1 && absent.error?.code == "command_not_found")
    }
  }

  @Test func aProgramThatIsNotAllowedIsNotRun() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      _ = try await fleet.startWorker("worker", for: coordinator, environment: ["EXEC_ALLOW": "true,echo"])
      let evidence = fleet.folder + "/evidence"
      let id = try await fleet.submit(try .shell("echo > \(evidence)"), to: coordinator)
      let refused = try await fleet.finish(id, at: coordinator)
      #expect(refused.status == .failed && refused.failures == 1 && refused.error?.code == "not_allowed")
      #expect(access(evidence, F_OK) != 0)
      let fine = try await fleet.submit(try .exec(["echo", "hello"]), to: coordinator)
      #expect(try await fleet.finish(fine, at: coordinator).status == .done)
      #expect(try await fleet.logs(fine, at: coordinator) == "hello\n")
    }
  }

  /// A grandchild that ignores SIGTERM, and another that has left the program's session as well.
  private static let family = """
    (trap '' TERM; sleep 300) &
    setsid sh -c 'trap "" TERM; sleep 300; :' &
    trap '' TERM
    """

  @Test(.enabled(if: ProcessTable.isAvailable && Executables.system("setsid") != nil))
  func aProgramLeavesNothingRunningWhenItIsCancelled() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 3, heartbeat: 0.2)
      let worker = try await fleet.startWorker("worker", for: coordinator)
      let id = try await fleet.submit(try .shell(Self.family + "\necho started\nwait; sleep 300"), to: coordinator)
      try await fleet.running(id, at: coordinator)
      let lease = try await fleet.attempts(id, at: coordinator)[0].leaseID
      try await eventually("the whole family") { fleet.programs(of: lease).count >= 4 }
      let asked = try await send(.cancel(id), to: coordinator.address)
      #expect(asked.status == .processing)
      #expect(try await fleet.finish(id, at: coordinator).status == .cancelled)
      #expect(fleet.programs(of: lease).isEmpty, "\(ProcessTable.describe(fleet.programs(of: lease)))")
      try await fleet.expectOutcomes([.cancelled], of: id, at: coordinator)
      #expect(worker.ending == nil)
    }
  }

  @Test(.enabled(if: ProcessTable.isAvailable && Executables.system("setsid") != nil))
  func aProgramLeavesNothingRunningWhenItHasFinished() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator()
      let worker = try await fleet.startWorker("worker", for: coordinator)
      let id = try await fleet.submit(try .shell(Self.family + "\necho done; exit 0"), to: coordinator)
      #expect(try await fleet.finish(id, at: coordinator).status == .done)
      let lease = try await fleet.attempts(id, at: coordinator)[0].leaseID
      #expect(fleet.programs(of: lease).isEmpty, "\(ProcessTable.describe(fleet.programs(of: lease)))")
      worker.signal(SIGTERM)
      #expect(try await worker.waitForEnd() == .exited(0))
      #expect(try FileManager.default.contentsOfDirectory(atPath: fleet.folder + "/tmp").isEmpty)
      #expect(fleet.livingProcesses == [coordinator.pid].compactMap { $0 })
    }
  }
}
