import ArgumentParser
import BatonLocalPostgres
import BatonShared
import BatonTestSupport
import BatonThreads
import Subprocess
import Synchronization
import Testing

@testable import BatonCommandLine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct FleetPlanTests {
  private func plan(_ options: FleetOptions, _ environment: [String: String] = [:]) -> FleetPlan {
    options.plan(
      environment: environment, ports: Array(9000...(9000 + options.workers)), databaseURL: "db", coordinator: "/c",
      worker: "/w")
  }

  @Test func programsGetTheirSettings() {
    let plan = plan(FleetOptions(workers: 1, slots: 2, leaseSeconds: 2.5, graceSeconds: 20))
    #expect(
      plan.coordinator.environment == [
        "HOST": "127.0.0.1", "PORT": "9000", "DATABASE_URL": "db", "EXIT_WITH_PARENT": "true",
        "LEASE_TTL_SECONDS": "2.5", "LOG_FORMAT": "text",
      ])
    #expect(
      plan.workers[0].environment == [
        "HOST": "127.0.0.1", "PORT": "9001", "COORDINATOR_URL": "http://127.0.0.1:9000", "EXIT_WITH_PARENT": "true",
        "WORKER_NAME": "worker-1", "WORKER_CAPACITY_TYPE": "spot", "WORKER_SLOTS": "2", "GRACE_PERIOD_SECONDS": "20",
        "EXEC_ALLOW": "*", "SPOT_WATCHER_ENABLED": "false", "LOG_FORMAT": "text",
      ])
  }

  @Test func theEnvironmentMayForbidPrograms() {
    let plan = plan(FleetOptions(workers: 1), ["EXEC_ALLOW": "", "SPOT_WATCHER_ENABLED": "true"])
    #expect(plan.workers[0].environment["EXEC_ALLOW"] == "")
    #expect(plan.workers[0].environment["SPOT_WATCHER_ENABLED"] == "true")
  }

  @Test func capacitiesAreGivenInTurn() throws {
    let options = try UpCommand.parse(["--workers", "3", "--capacity", "spot, on_demand"]).options()
    #expect(plan(options).capacities == [.spot, .onDemand, .spot])
  }

  @Test(arguments: [
    ["--capacity", "moon"], ["--workers", "-1"], ["--port", "70000"], ["--slots", "0"], ["--capacity", ""],
  ])
  func nonsenseIsAUsageError(_ arguments: [String]) throws {
    let error = try #require(throws: (any Error).self) { try UpCommand.parse(arguments) }
    #expect(UpCommand.exitCode(for: error).rawValue == 64)
  }

  @Test func theDefaultFolderIsTheUsersOwn() {
    #expect(UpCommand.defaultFolder(["HOME": "/home/a"], isRoot: false) == "/home/a/.local/share/baton")
    #expect(UpCommand.defaultFolder(["HOME": "/home/a", "XDG_DATA_HOME": "/d"], isRoot: false) == "/d/baton")
    #expect(UpCommand.defaultFolder(["HOME": "/root"], isRoot: true) == "/var/lib/baton")
  }

  @Test func theBannerSaysHowToGoOnAndHidesAForeignDatabase() {
    let plan = plan(FleetOptions(workers: 2))
    let own = FleetBanner.text(plan, databaseURL: "postgresql:///x", folder: "/d")
    #expect(own.contains("ready: coordinator at http://127.0.0.1:9000, 2 workers (spot)"))
    #expect(own.contains("export COORDINATOR_URL=http://127.0.0.1:9000"))
    #expect(own.contains("psql 'postgresql:///x'"))
    #expect(!FleetBanner.text(plan, databaseURL: nil, folder: "/d").contains("psql"))
  }

  @Test func programsAreFoundBesideThisOneFirst() throws {
    let present: Set = ["/own/worker", "/usr/bin/worker", "/usr/bin/coordinator"]
    let locator = ProgramLocator(ownFolder: "/own", searchPath: ["/usr/bin"]) { present.contains($0) }
    #expect(try locator.path("worker") == "/own/worker")
    #expect(try locator.path("coordinator") == "/usr/bin/coordinator")
    #expect(throws: CommandFailure.self) { try locator.path("nothing") }
  }
}

@Suite struct FleetFilesTests {
  private func folder() throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/baton-fleet-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  @Test func aSecondFleetIsKeptOutUntilTheFirstIsGone() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      let lock = try FolderLock(folder + "/lock")
      let error = try #require(throws: CommandFailure.self) { try FolderLock(folder + "/lock") }
      #expect(error.message.contains("process \(getpid())"))
      withExtendedLifetime(lock) {}
    }
    _ = try FolderLock(folder + "/lock")
  }

  @Test func whoIsKeptOutClosesNothingOfAnotherThreads() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let lock = try FolderLock(folder + "/lock")
    let isOver = Atomic(false)
    async let stolen = Self.stolenDescriptors { isOver.load(ordering: .relaxed) }
    for _ in 0..<2000 {
      #expect(throws: CommandFailure.self) { try FolderLock(folder + "/lock") }
    }
    isOver.store(true, ordering: .relaxed)
    #expect(await stolen == 0)
    withExtendedLifetime(lock) {}
  }

  /// Opens one file after the other, each under the number of whatever has just been closed.
  /// - Returns: How many were closed by somebody else.
  private static func stolenDescriptors(until isOver: @escaping @Sendable () -> Bool) async -> Int {
    await withCheckedContinuation { continuation in
      BlockingThread.start(name: "opener") {
        var stolen = 0
        while !isOver() {
          let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
          guard descriptor >= 0 else { continue }
          if (0..<20).contains(where: { _ in fcntl(descriptor, F_GETFD) < 0 }) { stolen += 1 }
          close(descriptor)
        }
        continuation.resume(returning: stolen)
      }
    }
  }

  @Test func theFleetFileIsWholeAndItsOwnersOnly() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/fleet.json"
    let file = FleetFile(
      coordinatorURL: "http://127.0.0.1:1", databaseURL: "db",
      processes: [.init(name: "coordinator", pid: 1, url: "http://127.0.0.1:1")])
    try file.save(to: path)
    try file.save(to: path)
    #expect(
      try String(contentsOfFile: path, encoding: .utf8) == """
        {"coordinator_url":"http://127.0.0.1:1","database_url":"db",\
        "processes":[{"name":"coordinator","pid":1,"url":"http://127.0.0.1:1"}]}

        """)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func portsInUseAreSeen() throws {
    let ports = try #require(LoopbackPorts.free(20))
    #expect(Set(ports).count == 20)
  }

  @Test func aPortThatSomebodyListensOnIsNotFree() async throws {
    try await CoordinatorDouble.run { _, _ in
      .json("{}")
    } _: { double in
      let port = try #require(double.address.split(separator: ":").last.flatMap { Int($0) })
      #expect(!LoopbackPorts.isFree(port))
    }
  }
}

@Suite struct ChildProcessTests {
  /// Runs a shell script as a program of a fleet.
  private func run(
    _ script: String, environment: [String: String] = [:],
    _ body: @Sendable @escaping (AsyncStream<Signal>.Continuation, CapturedOutput) async throws -> Void
  ) async throws -> (ending: ChildEnding, log: String) {
    let captured = try CapturedOutput()
    let path = captured.outputPath + ".sh"
    try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let log = MergedLog(captured.surroundings.output, names: ["worker-1"])
    let program = FleetPlan.Program(name: "worker-1", executable: path, environment: environment, address: "")
    let (signals, channel) = AsyncStream.makeStream(of: Signal.self)
    let (starts, started) = AsyncStream.makeStream(of: Int32.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in starts { break }
        try await body(channel, captured)
      }
      let ending = await ChildProcess(program: program, log: log).run(signals: signals) { started.yield($0) }
      started.finish()
      try await group.waitForAll()
      return (ending, captured.output)
    }
  }

  private func until(_ text: String, _ captured: CapturedOutput) async throws {
    try await eventually("'\(text)' in the log") { captured.output.contains(text) }
  }

  @Test(.timeLimit(.minutes(1))) func everyLineIsLoggedUpToTheLastBeforeTheEnd() async throws {
    let run = try await run("echo $GREETING; echo oops >&2; printf last; exit 7", environment: ["GREETING": "hello"]) {
      _, _ in
    }
    #expect(run.ending == .exited(7))
    #expect(run.log == "worker-1 │ hello\nworker-1 │ oops\nworker-1 │ last\n")
  }

  @Test(.timeLimit(.minutes(1))) func aSignalReachesTheProgram() async throws {
    let run = try await run("trap 'echo drained; exit 0' TERM; echo up; while :; do sleep 0.05; done") {
      channel, captured in
      try await until("up", captured)
      channel.yield(.terminate)
    }
    #expect(run.ending == .exited(0))
    #expect(run.log.hasSuffix("worker-1 │ drained\n"))
    let killed = try await self.run("trap '' TERM; echo up; while :; do sleep 0.05; done") { channel, captured in
      try await until("up", captured)
      channel.yield(.kill)
    }
    #expect(killed.ending == .signalled(9))
  }

  @Test(.timeLimit(.minutes(1))) func aProgramThatIsNotThereSaysSo() async {
    let program = FleetPlan.Program(name: "worker-1", executable: "/nowhere/worker", environment: [:], address: "")
    let (signals, _) = AsyncStream.makeStream(of: Signal.self)
    let ending = await ChildProcess(
      program: program, log: MergedLog(Terminal(2, isTerminal: false, environment: [:]), names: [])
    ).run(signals: signals) { _ in Issue.record("it was started") }
    guard case .notStarted = ending else {
      Issue.record("\(ending)")
      return
    }
  }

  @Test func prefixesAreAlignedAndNeighboursDiffer() {
    let plain = MergedLog.prefixes(["coordinator", "worker-1"], style: .plain)
    #expect(plain == ["coordinator": "coordinator │ ", "worker-1": "worker-1    │ "])
    let coloured = MergedLog.prefixes(["a", "b"], style: .coloured)
    #expect(coloured["a"]?.prefix(5) != coloured["b"]?.prefix(5))
  }
}
