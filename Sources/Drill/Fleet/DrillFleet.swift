import BatonClient
import BatonLocalPostgres
import Logging
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The processes of a drill: a private PostgreSQL server, and whatever programs are started on it.
///
/// Whatever becomes of the drill, every process is ended.
final class DrillFleet: Sendable {
  /// Marks every process of this drill, and whatever they start.
  static let mark = "BATON_DRILL"

  let id = String(UInt64.random(in: .min ... .max), radix: 36)
  /// For logs, records and temporary files.
  let folder: String
  let programs: DrillPrograms
  let postgres: LocalPostgres
  private let launches: AsyncStream<DrillProcess>.Continuation
  private let stream: AsyncStream<DrillProcess>
  private let all = Mutex<[DrillProcess]>([])

  /// What the database allows in all: room for the coordinators and all that a broken network leaves behind of them, and
  /// few enough to be used up within a moment.
  private static let connections = 60

  /// - Throws: `LocalPostgresError`, or an error when the folder cannot be made.
  init(folder: String, programs: DrillPrograms, logger: Logger) throws {
    self.folder = folder
    self.programs = programs
    for part in ["logs", "records", "tmp"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
    }
    postgres = try LocalPostgres(
      dataDirectory: LocalPostgres.temporaryDirectory(), port: LoopbackPorts.anyStable(),
      settings: ["max_connections": "\(Self.connections)"], ephemeral: true, logger: logger)
    (stream, launches) = AsyncStream.makeStream()
  }

  /// Starts the database, runs `body`, and ends everything.
  func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let outcome = await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.runProcesses() }
      let outcome: Swift.Result<Result, any Error>
      do {
        try await postgres.start()
        try await postgres.createDatabase("baton")
        outcome = .success(try await body())
      } catch {
        outcome = .failure(error)
      }
      await endEverything()
      await group.waitForAll()
      await postgres.shutdown()
      return outcome
    }
    return try outcome.get()
  }

  /// Starts a program; returns when it runs.
  /// - Parameter environment: On top of what every program gets.
  func start(
    _ name: String, _ executable: String, arguments: [String] = [], environment: [String: String],
    onLine: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> DrillProcess {
    let process = DrillProcess(
      name: name, executable: executable, arguments: arguments,
      environment: self.environment.merging(environment) { $1 },
      log: "\(folder)/logs/\(name).log", onLine: onLine)
    all.withLock { $0.append(process) }
    launches.yield(process)
    guard case .some(.some(_)) = await process.started.wait() else {
      throw DrillFailure("\(name) could not be started: \(process.ended.value.map { "\($0)" } ?? "interrupted")")
    }
    return process
  }

  /// Waits until a program's `/ready` says so.
  /// - Throws: ``DrillFailure``.
  func waitUntilReady(_ process: DrillProcess, at address: String, seconds: Double = 60) async throws {
    let limit = ContinuousClock.now + .seconds(seconds)
    let configuration = BatonClient.Configuration(address: address, timeout: .seconds(2), connections: 1)
    try await BatonClient.with(configuration) { client in
      while true {
        do {
          try await client.send(.ready())
          return
        } catch {
          if let ending = process.ended.value { throw DrillFailure("\(process.name) has ended: \(ending)") }
          guard ContinuousClock.now < limit else { throw DrillFailure("\(process.name) did not get ready in time") }
          // Nothing tells when a server begins to listen.
          try await Task.sleep(for: .milliseconds(100))
        }
      }
    }
  }

  private var environment: [String: String] {
    let inherited = ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
    var environment = ProcessInfo.processInfo.environment.filter { inherited.contains($0.key) }
    environment[Self.mark] = id
    environment["TMPDIR"] = folder + "/tmp"
    environment["HOST"] = "127.0.0.1"
    environment["EXIT_WITH_PARENT"] = "true"
    environment["LOG_FORMAT"] = "json"
    return environment
  }

  private func runProcesses() async {
    await withDiscardingTaskGroup { group in
      for await process in stream { group.addTask { await process.run() } }
    }
  }

  /// Processes of this drill that are none of the programs it runs: programs of jobs.
  var strayProcesses: [Int32] {
    let own = all.withLock { $0 }.filter { $0.ended.value == nil }.compactMap { $0.started.value ?? nil }
    return ProcessTable.carrying(Self.mark, id).filter { !own.contains($0) }
  }

  private func endEverything() async {
    launches.finish()
    for process in all.withLock({ $0 }) { process.signal(SIGKILL, withPrograms: true) }
    // Programs whose worker has ended before. Another look, for what was just starting.
    for _ in 0..<100 {
      let left = ProcessTable.carrying(Self.mark, id)
      if left.isEmpty { break }
      for pid in left { _ = kill(pid, SIGKILL) }
      try? await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// Where the programs of a fleet are.
public struct DrillPrograms: Sendable {
  public var coordinator: String
  public var worker: String
  /// The program of the `exec` jobs and its arguments, which calls ``StepProgram``.
  public var step: [String]
  /// The program that is many workers at once and its first arguments, which calls ``HerdMember``.
  public var herd: [String]

  public init(coordinator: String, worker: String, step: [String], herd: [String]) {
    self.coordinator = coordinator
    self.worker = worker
    self.step = step
    self.herd = herd
  }
}

/// Why a drill cannot go on; that is no finding about Baton.
public struct DrillFailure: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
