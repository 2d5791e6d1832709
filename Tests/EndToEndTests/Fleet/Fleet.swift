import BatonLocalPostgres
import BatonPostgres
import BatonTestSupport
import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Why a test cannot go on.
struct StoryFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

extension Trait where Self == IssueHandlingTrait {
  /// What the programs of a test's fleet have written is printed if the test fails.
  static var printsLogs: Self {
    .filterIssues { _ in
      Fleet.noteIssue()
      return true
    }
  }
}

/// Real coordinators and workers on a real database, for one test.
///
/// Whatever becomes of the test, every process is ended; if it fails, what they wrote is printed.
final class Fleet: Sendable {
  /// Marks every process of this fleet, and whatever they start.
  static let mark = "BATON_TEST_FLEET"

  let id = String(UInt64.random(in: .min ... .max), radix: 36)
  let databaseURL: String
  /// For whatever a test keeps in files; the programs' temporary files are below it too.
  let folder: String
  private let launches: AsyncStream<RunningProcess>.Continuation
  private let stream: AsyncStream<RunningProcess>
  private let all = Mutex<[RunningProcess]>([])
  private let hasIssues = Mutex(false)

  /// The fleet of the test that runs.
  @TaskLocal private static var current: Fleet?

  private init(databaseURL: String) throws {
    self.databaseURL = databaseURL
    folder = "/tmp/baton-test-\(id)"
    try FileManager.default.createDirectory(
      atPath: folder + "/tmp", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    (stream, launches) = AsyncStream.makeStream()
  }

  /// Runs a test with a fleet of its own that has no processes yet.
  ///
  /// - Parameters:
  ///   - databaseURL: Of a server of the test's own; a new database of the shared one if nil.
  ///   - limit: How long `body` may take.
  static func with(
    databaseURL: String? = nil, within limit: Duration = .seconds(90),
    _ body: @escaping @Sendable (Fleet) async throws -> Void
  ) async throws {
    await FleetGate.shared.enter()
    do {
      try await run(databaseURL: databaseURL, within: limit, body)
    } catch {
      await FleetGate.shared.leave()
      throw error
    }
    await FleetGate.shared.leave()
  }

  private static func run(
    databaseURL: String?, within limit: Duration, _ body: @escaping @Sendable (Fleet) async throws -> Void
  ) async throws {
    let url: String
    if let databaseURL { url = databaseURL } else { url = try await TestDatabase.make().url }
    let fleet = try Fleet(databaseURL: url)
    defer { try? FileManager.default.removeItem(atPath: fleet.folder) }
    let outcome = await withTaskGroup(of: Void.self) { group in
      group.addTask { await fleet.runProcesses() }
      let outcome: Result<Void, any Error>
      do {
        outcome = .success(
          try await $current.withValue(fleet) { try await bounded(by: limit) { try await body(fleet) } })
      } catch {
        outcome = .failure(error)
      }
      await fleet.endEverything()
      await group.waitForAll()
      return outcome
    }
    if case .failure = outcome { noteIssue(of: fleet) }
    if fleet.hasIssues.withLock({ $0 }) { fleet.printLogs() }
    try outcome.get()
  }

  /// Remembers that what the programs wrote is of interest.
  static func noteIssue(of fleet: Fleet? = current) {
    fleet?.hasIssues.withLock { $0 = true }
  }

  private static func bounded(by limit: Duration, _ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask(operation: body)
      group.addTask {
        // The limit itself: nothing happens by which one would know that a test hangs.
        try await Task.sleep(for: limit)
        throw StoryFailure("the test did not end in \(limit)")
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  // MARK: Processes

  /// Starts a program; its variables are these alone, and a few of the tests' own.
  func start(
    _ name: String, program: String, arguments: [String] = [], environment: [String: String] = [:], port: Int
  ) async throws -> RunningProcess {
    let process = RunningProcess(
      name: name, executable: Executables.path(program), arguments: arguments,
      environment: self.environment.merging(environment) { $1 }, port: port)
    all.withLock { $0.append(process) }
    launches.yield(process)
    try await eventually("the start of \(name)") { process.pid != nil || process.ending != nil }
    return process
  }

  /// The variables that every program gets.
  var environment: [String: String] {
    var environment = Executables.environment.filter { ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH"].contains($0.key) }
    environment[Self.mark] = id
    environment["TMPDIR"] = folder + "/tmp"
    return environment
  }

  /// Every process that carries this fleet's mark, those started by its programs included.
  var livingProcesses: [Int32] { ProcessTable.carrying(Self.mark, id) }

  private func runProcesses() async {
    await withDiscardingTaskGroup { group in
      for await process in stream {
        group.addTask { await process.run() }
      }
    }
  }

  private func endEverything() async {
    launches.finish()
    for process in all.withLock({ $0 }) {
      process.signal(SIGKILL)
    }
    // The programs of their jobs, which have nobody left who would end them. Another look, for what was just starting;
    // also when the test has been cancelled, as it is when its time is up.
    await Task {
      try? await eventually(within: .seconds(5), "the end of all processes") {
        let left = livingProcesses
        for pid in left { _ = kill(pid, SIGKILL) }
        return left.isEmpty
      }
    }.value
  }

  private func printLogs() {
    var text = "\n"
    for process in all.withLock({ $0 }) {
      text += "──── \(process.name): \(process.ending.map { "\($0)" } ?? "not ended")\n\(process.log)\n"
    }
    FileHandle.standardError.write(Data(text.utf8))
  }

  // MARK: The database

  /// Runs a statement on the fleet's database.
  @discardableResult
  func sql(_ statement: String, _ parameters: PostgresValue...) async throws -> PostgresRows {
    let connection = try await PostgresConnection.connect(PostgresConfiguration(url: databaseURL), logger: .quiet)
    let rows = try await connection.query(statement, parameters)
    await connection.close()
    return rows
  }

  /// The number that a statement's first row begins with.
  func count(_ statement: String) async throws -> Int {
    try await sql(statement).first?.int(0) ?? 0
  }
}
