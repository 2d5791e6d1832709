import BatonClient
import BatonJSON
import BatonShared
import BatonTestSupport
import Subprocess
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

@Suite(.timeLimit(.minutes(10)), .printsLogs) struct LocalFleetTests {
  @Test(.enabled(if: ProcessTable.isAvailable))
  func aFleetOnOneMachineDoesItsWorkAndKeepsItsData() async throws {
    try await Fleet.with { fleet in
      let first = try await up(fleet)
      let submitted = try await baton(
        fleet, first, ["submit", "steps", "--payload", #"{"steps":20,"step_seconds":0.02,"checkpoint_every":5}"#])
      #expect(submitted.status == 0)
      let id = submitted.output.filter { !$0.isWhitespace }
      #expect(try await baton(fleet, first, ["watch", id]).status == 0)
      let shown = try await baton(fleet, first, ["job", id, "--json"])
      #expect(try JobSnapshot(json: Array(shown.output.utf8)).status == .done)
      #expect(try await baton(fleet, first, ["logs", id]).output.contains("checkpoint at step 5"))
      let listed = try await baton(fleet, first, ["jobs"])
      #expect(listed.status == 0 && listed.output.contains("done"))
      #expect(try await baton(fleet, first, ["workers"]).output.contains("worker-2"))

      // One that runs until somebody cancels it: a program, and what it has started.
      let long = try await baton(
        fleet, first,
        ["submit", "exec", "--payload", #"{"command":["sh","-c","trap '' TERM; sleep 300 & sleep 300; wait"]}"#])
      let other = try #require(JobID(long.output.filter { !$0.isWhitespace }))
      let address = first.address
      try await eventually("the start of the program") {
        try await send(.job(other), to: address).status == .processing
      }
      #expect(try await baton(fleet, first, ["cancel", other.description]).status == 0)
      let watched = try await baton(fleet, first, ["watch", other.description])
      #expect(watched.status == 1, "a job that was cancelled is no success: \(watched)")
      #expect(ProcessTable.carrying("BATON_JOB_ID", other.description).isEmpty)

      try await stop(fleet, first)
      let second = try await up(fleet)
      let kept = try await baton(fleet, second, ["job", id, "--json"])
      #expect(try JobSnapshot(json: Array(kept.output.utf8)).number("executed") == 20)
      try await stop(fleet, second)
    }
  }

  /// Starts `baton up` and waits until its fleet is ready.
  private func up(_ fleet: Fleet) async throws -> RunningProcess {
    let port = FreePorts.next()
    let process = try await fleet.start(
      "baton up", program: "baton",
      arguments: [
        "up", "--workers", "2", "--slots", "1", "--port", "\(port)", "--data", fleet.folder + "/data",
        "--grace-period-seconds", "10", "--lease-ttl-seconds", "5",
      ], port: port)
    try await eventually("the fleet being ready") {
      if let ending = process.ending { throw StoryFailure("baton up has ended: \(ending)") }
      return FileManager.default.fileExists(atPath: fleet.folder + "/data/fleet.json")
    }
    return process
  }

  /// Stops it as Ctrl-C does.
  private func stop(_ fleet: Fleet, _ process: RunningProcess) async throws {
    process.signal(SIGINT)
    #expect(try await process.waitForEnd() == .exited(0))
    #expect(fleet.livingProcesses.isEmpty, "\(ProcessTable.describe(fleet.livingProcesses))")
    #expect(!FileManager.default.fileExists(atPath: fleet.folder + "/data/fleet.json"))
    #expect(!FileManager.default.fileExists(atPath: fleet.folder + "/data/postgres/postmaster.pid"))
  }

  /// Runs the command to its end.
  private func baton(
    _ fleet: Fleet, _ up: RunningProcess, _ arguments: [String]
  ) async throws -> (status: Int32, output: String, errors: String) {
    let variables = fleet.environment.merging(["COORDINATOR_URL": up.address]) { $1 }
    let result = try await Subprocess.run(
      .path(.init(Executables.path("baton"))), arguments: Arguments(arguments),
      environment: .custom(Dictionary(uniqueKeysWithValues: variables.map { (.init(stringLiteral: $0), $1) })),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    guard case .exited(let status) = result.terminationStatus else {
      throw StoryFailure("baton \(arguments): \(result.terminationStatus)")
    }
    return (status, result.standardOutput, result.standardError)
  }
}
