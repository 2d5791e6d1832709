import BatonLocalPostgres
import BatonPostgres
import BatonTestSupport
import Foundation
import Subprocess
import Testing

@Suite struct LocalPostgresTests {
  private func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

  @Test func programsAreFoundWithoutPATH() throws {
    let binaries = try PostgresBinaries.locate()
    #expect(FileManager.default.isExecutableFile(atPath: binaries.initdb))
    let elsewhere = try? PostgresBinaries.locate(environment: [:])
    #expect(elsewhere == nil || FileManager.default.isExecutableFile(atPath: elsewhere!.postgres))
  }

  @Test func shutDownServerLeavesNoProcessAndNoFolder() async throws {
    let server = try TestServer.makeServer()
    try await server.start()
    let pid = try #require(await server.pid)
    #expect(isAlive(pid))
    await server.shutdown()
    #expect(!isAlive(pid))
    #expect(!FileManager.default.fileExists(atPath: server.dataDirectory))
  }

  @Test func forgottenServerGoesAway() async throws {
    var server: LocalPostgres? = try TestServer.makeServer()
    try await server?.start()
    let pid = try #require(await server?.pid)
    let directory = try #require(server?.dataDirectory)
    server = nil
    try await eventually { !isAlive(pid) && !FileManager.default.fileExists(atPath: directory) }
  }

  @Test func serverOfAKilledProcessGoesAway() async throws {
    let directory = LocalPostgres.temporaryDirectory()
    let witness = directory + ".pid"
    defer { try? FileManager.default.removeItem(atPath: witness) }
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [directory = directory as String, witness = witness as String] in
      let server = try LocalPostgres(dataDirectory: directory, ephemeral: true, logger: .quiet)
      try await server.start()
      try "\(await server.pid ?? 0)".write(toFile: witness, atomically: true, encoding: .utf8)
      kill(getpid(), SIGKILL)
    }
    let pid = try #require(Int32(try String(contentsOfFile: witness, encoding: .utf8)))
    try #require(pid > 0)
    try await eventually { !isAlive(pid) && !FileManager.default.fileExists(atPath: directory) }
  }

  @Test func childrenDoNotKeepAForgottenServerAlive() async throws {
    var server: LocalPostgres? = try TestServer.makeServer()
    try await server?.start()
    let pid = try #require(await server?.pid)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let (running, isRunning) = AsyncStream.makeStream(of: Void.self)
      group.addTask {
        _ = try await Subprocess.run(
          .name("sleep"), arguments: ["60"], input: .none, output: .discarded, error: .discarded
        ) { _ in
          isRunning.finish()
          try await untilCancelled()
        }
      }
      for await _ in running {}
      server = nil
      try await eventually { !isAlive(pid) }
      group.cancelAll()
    }
  }

  @Test func dataSurviveAStopACrashAndAnotherOwner() async throws {
    let directory = LocalPostgres.temporaryDirectory()
    let owner = try LocalPostgres(dataDirectory: directory, logger: .quiet)
    try await owner.start()
    try await owner.createDatabase("kept")
    try await owner.createDatabase("kept")
    func connect(_ server: LocalPostgres) async throws -> PostgresConnection {
      try await PostgresConnection.connect(
        PostgresConfiguration(url: await server.url(database: "kept")), logger: .quiet)
    }
    try await connect(owner).query("CREATE TABLE t AS SELECT 42 AS n")
    try await owner.restart(mode: .immediate)
    #expect(try await connect(owner).query("SELECT n FROM t")[0].int(0) == 42)
    await owner.shutdown()
    let heir = try LocalPostgres(dataDirectory: directory, port: 0, ephemeral: true, logger: .quiet)
    try await heir.start()
    #expect(try await connect(heir).query("SELECT n FROM t")[0].int(0) == 42)
    let tcp = await heir.url(database: "kept", transport: .tcp)
    let connection = try await PostgresConnection.connect(PostgresConfiguration(url: tcp), logger: .quiet)
    #expect(try await connection.query("SELECT n FROM t").count == 1)
    await heir.shutdown()
  }

  @Test func killedServerIsNoticedAndStartsAgain() async throws {
    let server = try TestServer.makeServer()
    try await server.start()
    let port = await server.port
    let pid = try #require(await server.pid)
    #expect(kill(pid, SIGKILL) == 0)
    await server.waitForExit()
    #expect(await server.pid == nil)
    try await server.start()
    #expect(await server.port == port)
    let connection = try await PostgresConnection.connect(
      PostgresConfiguration(url: await server.url()), logger: .quiet)
    #expect(try await connection.query("SELECT 1").count == 1)
    await server.shutdown()
  }

  @Test func foreignDirectoryIsNotTouched() async throws {
    let directory = LocalPostgres.temporaryDirectory()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try "precious".write(toFile: directory + "/file", atomically: true, encoding: .utf8)
    let server = try LocalPostgres(dataDirectory: directory, logger: .quiet)
    await #expect(throws: LocalPostgresError.self) { try await server.start() }
    #expect(try String(contentsOfFile: directory + "/file", encoding: .utf8) == "precious")
    await server.shutdown()
  }

  @Test func mistakenSettingIsExplained() async throws {
    let server = try TestServer.makeServer(settings: ["max_connections": "many"])
    let error = await #expect(throws: LocalPostgresError.self) { try await server.start() }
    #expect(error?.description.contains("max_connections") == true)
    await server.shutdown()
  }
}
