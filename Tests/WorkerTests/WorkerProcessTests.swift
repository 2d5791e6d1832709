import AsyncHTTPClient
import BatonShared
import BatonTestSupport
import Foundation
import Subprocess
import Testing

@testable import BatonWorker

#if canImport(Glibc)
  import Glibc
#endif

/// The `worker` command as a process of its own.
@Suite struct WorkerProcessTests {
  /// Runs the command beside `body`, which is given its process number; kills it if it does not end by itself.
  private func run(
    _ coordinator: CoordinatorDouble, _ settings: [String: String] = [:],
    _ body: @escaping @Sendable (pid_t) async throws -> Void
  ) async throws -> TerminationStatus {
    let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "worker").path()
    var variables: [Environment.Key: String?] = [
      "COORDINATOR_URL": coordinator.url.absoluteString, "PORT": "0", "SPOT_WATCHER_ENABLED": "false",
      "EXEC_ALLOW": "*", "GRACE_PERIOD_SECONDS": "5", "WORKER_SLOTS": "4", "LOG_LEVEL": "error",
    ]
    for (name, value) in settings { variables[Environment.Key(stringLiteral: name)] = value }
    let result = try await Subprocess.run(
      .path(.init(program)), environment: .inherit.updating(variables), input: .inputWriter, output: .discarded,
      error: .discarded
    ) { execution in
      let process = execution.processIdentifier.value
      do {
        try await body(process)
      } catch {
        kill(process, SIGKILL)
        throw error
      }
    }
    return result.terminationStatus
  }

  @Test func terminationHandsBackAndExitsWithZero() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.2) { coordinator in
      let job = try coordinator.submit(
        "steps", #"{"steps":1000,"step_seconds":0.02,"checkpoint_every":500}"#, onInterruption: .checkpoint)
      let status = try await run(coordinator) { process in
        try await coordinator.wait("some progress") { ($0.heartbeats.last?.leases.first?.progress?.fraction ?? 0) > 0 }
        kill(process, SIGTERM)
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.outcome == .interrupted)
        #expect(outcome.reason?.contains("sigterm stop") == true, "\(outcome.reason ?? "")")
      }
      #expect(status == .exited(0))
      #expect(coordinator.state.value.checkpointsSaved.count == 1)
    }
  }

  @Test func aSecondSignalHurries() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.2) { coordinator in
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", "trap '' TERM; sleep 300"]))
      let status = try await run(coordinator, ["GRACE_PERIOD_SECONDS": "300"]) { process in
        try await coordinator.wait("a renewal") { $0.heartbeats.last?.leases.isEmpty == false }
        let began = ContinuousClock.now
        kill(process, SIGINT)
        try await coordinator.wait("word of the drain") { $0.heartbeats.last?.state == .draining }
        kill(process, SIGINT)
        #expect(try await coordinator.outcome(of: job).outcome == .interrupted)
        #expect(ContinuousClock.now - began < .seconds(20))
      }
      #expect(status == .exited(0))
    }
  }

  @Test func aWorkerThatStoodStillPastItsLeaseReportsNothing() async throws {
    try await CoordinatorDouble.run(ttl: 4, heartbeat: 0.4) { coordinator in
      let script = """
        while :; do
          echo tick; echo x > "$BATON_CHECKPOINT_FILE.new"; mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE"
          sleep 0.05
        done
        """
      let jobs = [
        try coordinator.submit("exec", execPayload(["sh", "-c", script])),
        try coordinator.submit("steps", #"{"steps":10000,"step_seconds":0.02,"checkpoint_every":1}"#),
      ]
      let status = try await run(coordinator) { process in
        try await coordinator.wait("renewals") { $0.heartbeats.last?.leases.count == 2 }
        try await coordinator.wait("checkpoints") { $0.checkpointsSaved.count > 5 }
        kill(process, SIGSTOP)
        // Requests that were on their way may still arrive; after that the jobs are somebody else's.
        try await coordinator.takeAwayExpired(jobs)
        let before = coordinator.state.value
        kill(process, SIGCONT)
        try await coordinator.wait("the leases to be dropped") {
          $0.heartbeats.last?.leases.isEmpty == true
        }
        let after = coordinator.state.value
        #expect(after.checkpointsSaved.count == before.checkpointsSaved.count)
        // One request of each job may have been on its way when it was stopped, and read only now.
        #expect(after.refused.count - before.refused.count <= jobs.count, "it does not even try: \(after.refused)")
        for job in jobs { #expect(after.jobs[job]?.log == before.jobs[job]?.log) }
        #expect(after.settlements.allSatisfy { $0.status == .lost })
        kill(process, SIGTERM)
      }
      #expect(status == .exited(0))
    }
  }

  @Test func aWorkerWhoseParentIsGoneDrains() async throws {
    try await CoordinatorDouble.run { coordinator in
      try coordinator.submit(
        "steps", #"{"steps":100000,"step_seconds":0.02,"checkpoint_every":1}"#, onInterruption: .checkpoint)
      let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "worker").path()
      let result = try await Subprocess.run(
        .path(.init(program)),
        environment: .inherit.updating([
          "COORDINATOR_URL": coordinator.url.absoluteString, "PORT": "0", "SPOT_WATCHER_ENABLED": "false",
          "EXIT_WITH_PARENT": "true", "LOG_LEVEL": "error",
        ]),
        input: .inputWriter, output: .discarded, error: .discarded
      ) { execution in
        try await coordinator.wait("a checkpoint") { !$0.checkpointsSaved.isEmpty }
        try await execution.standardInputWriter.finish()
      }
      #expect(result.terminationStatus == .exited(0))
      let settlement = coordinator.state.value.settlements.last?.settlement
      #expect(settlement?.outcome == .interrupted)
      #expect(settlement?.reason?.contains("parent") == true, "\(settlement?.reason ?? "no reason")")
    }
  }

  #if os(Linux)
    @Test func aForcedExitLeavesNoProgramBehind() async throws {
      try await CoordinatorDouble.run { coordinator in
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", "trap '' TERM; echo $$; sleep 300"]))
        let port = try Self.freePort()
        let status = try await run(coordinator, ["PORT": String(port)]) { _ in
          let state = try await coordinator.wait("the program's number") { state in
            state.jobs[job]?.log.contains(UInt8(ascii: "\n")) == true
          }
          let text = String(decoding: state.jobs[job]?.log ?? [], as: UTF8.self)
          let program = try #require(pid_t(text.split(separator: "\n")[0]))
          var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/shutdown")
          request.method = .POST
          _ = try? await HTTPClient.shared.execute(request, timeout: .seconds(5))
          try await eventually("the end of the program") { kill(program, 0) != 0 }
        }
        #expect(status == .exited(1))
        #expect(coordinator.state.value.settlements.isEmpty, "its lease is left to expire")
      }
    }

    @Test func theProgramsOfAKilledWorkerAreEndedByAnother() async throws {
      try await CoordinatorDouble.run { coordinator in
        let job = try coordinator.submit("exec", execPayload(["sh", "-c", "echo $$; sleep 300"]))
        let program = Watched<pid_t?>(nil)
        let status = try await run(coordinator) { process in
          let state = try await coordinator.wait("the program's number") { state in
            state.jobs[job]?.log.contains(UInt8(ascii: "\n")) == true
          }
          let text = String(decoding: state.jobs[job]?.log ?? [], as: UTF8.self)
          program.update { $0 = pid_t(text.split(separator: "\n")[0]) }
          kill(process, SIGKILL)
        }
        #expect(status == .signaled(SIGKILL))
        let orphan = try #require(program.value)
        _ = try await run(coordinator) { process in
          try await eventually("the end of the orphan") { kill(orphan, 0) != 0 }
          kill(process, SIGTERM)
        }
      }
    }

    @Test func theMarkOfAWorkerTellsWhetherItLives() throws {
      let own = try #require(WorkerMark.ofThisProcess())
      #expect(WorkerMark(own.text) == own)
      #expect(!own.hasEnded(seenFrom: own))
      let reused = WorkerMark(namespace: own.namespace, process: own.process, startedAt: "1")
      #expect(reused.hasEnded(seenFrom: own), "the number is somebody else's by now")
      let elsewhere = WorkerMark(namespace: "1", process: own.process, startedAt: "1")
      #expect(!elsewhere.hasEnded(seenFrom: own), "a container's worker cannot be judged from outside")
      #expect(WorkerMark("nonsense") == nil)
    }

    @Test func twoHundredProgramsLeaveNoDescriptor() async throws {
      try await CoordinatorDouble.run { coordinator in
        _ = try await run(coordinator) { process in
          func runJobs(_ count: Int) async throws {
            let jobs = try (0..<count).map { index in
              try coordinator.submit("exec", execPayload(["sh", "-c", index.isMultiple(of: 2) ? "echo hi" : "exit 1"]))
            }
            for job in jobs { _ = try await coordinator.outcome(of: job) }
          }
          /// How many are open, sockets and others.
          func descriptors() throws -> (sockets: Int, others: Int) {
            let folder = "/proc/\(process)/fd"
            let targets = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { name in
              try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")
            }
            let sockets = targets.count { $0.hasPrefix("socket:") }
            return (sockets, targets.count - sockets)
          }
          try await runJobs(30)
          let before = try descriptors()
          try await runJobs(200)
          try await eventually("the end of all that the programs were given") {
            try descriptors().others <= before.others
          }
          // Connections to the coordinator stay for a while, as many as were needed at once; one leak a job would be two
          // hundred.
          #expect(try descriptors().sockets < before.sockets + 100)
          kill(process, SIGTERM)
        }
      }
    }

    private static func freePort() throws -> Int {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let port = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          guard bind(descriptor, pointer, length) == 0, getsockname(descriptor, pointer, &length) == 0 else { return 0 }
          return 1
        }
      }
      #expect(port == 1)
      return Int(UInt16(bigEndian: address.sin_port))
    }
  #endif
}
