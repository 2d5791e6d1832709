import BatonTestSupport
import Subprocess
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One of the real programs, running as a child of the tests.
final class RunningProcess: Sendable {
  enum Ending: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)
    case notStarted(String)
  }

  private struct State {
    var pid: Int32?
    var lines: [String] = []
    var ending: Ending?
  }

  let name: String
  let executable: String
  let arguments: [String]
  let environment: [String: String]
  /// The port of its HTTP server.
  let port: Int
  private let state = Mutex(State())
  private let inputEnds: AsyncStream<Void>
  private let inputEnd: AsyncStream<Void>.Continuation

  init(name: String, executable: String, arguments: [String], environment: [String: String], port: Int) {
    self.name = name
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.port = port
    (inputEnds, inputEnd) = AsyncStream.makeStream()
  }

  var address: String { "http://127.0.0.1:\(port)" }

  /// What it has written so far.
  var log: String { state.withLock { $0.lines.joined(separator: "\n") } }

  var pid: Int32? { state.withLock { $0.pid } }

  var ending: Ending? { state.withLock { $0.ending } }

  /// Runs it to its end.
  func run() async {
    var options = PlatformOptions()
    // A Ctrl-C for the tests is not for it; it ends with its standard input.
    options.processGroupID = 0
    let variables = Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })
    do {
      let result = try await Subprocess.run(
        .path(.init(executable)), arguments: Arguments(arguments), environment: .custom(variables),
        platformOptions: options, input: .inputWriter, output: .sequence, error: .combinedWithOutput
      ) { execution in
        state.withLock { $0.pid = execution.processIdentifier.value }
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { [inputEnds] in
            for await _ in inputEnds { try await execution.standardInputWriter.finish() }
          }
          for try await line in execution.standardOutput.strings(bufferingPolicy: .unbounded) {
            state.withLock { $0.lines.append(line) }
          }
          group.cancelAll()
        }
      }
      state.withLock { state in
        switch result.terminationStatus {
        case .exited(let status): state.ending = .exited(status)
        case .signaled(let signal): state.ending = .signalled(signal)
        }
      }
    } catch {
      state.withLock { $0.ending = .notStarted("\(error)") }
    }
  }

  /// Sends a signal; one that has ended gets none.
  func signal(_ signal: Int32) {
    state.withLock { state in
      if let pid = state.pid, state.ending == nil { _ = kill(pid, signal) }
    }
  }

  /// Ends its standard input, as happens when whoever started it is gone.
  func closeInput() {
    inputEnd.yield()
    inputEnd.finish()
  }

  /// Waits for its end.
  /// - Throws: `TooLate`.
  @discardableResult
  func waitForEnd(within limit: Duration = .seconds(30)) async throws -> Ending {
    try await eventually(within: limit, "the end of \(name)") { ending != nil }
    return ending ?? .notStarted("")
  }

  /// Kills it and waits until it is gone.
  func killAndWait() async throws {
    signal(SIGKILL)
    try await waitForEnd()
  }

  /// Waits for a line that contains `text`.
  func waitForLog(_ text: String, within limit: Duration = .seconds(30)) async throws {
    try await eventually(within: limit, "'\(text)' in the log of \(name)") { log.contains(text) }
  }
}
