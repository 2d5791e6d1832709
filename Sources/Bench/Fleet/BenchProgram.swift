import Subprocess
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One of the real programs, as a child process.
final class BenchProgram: Sendable {
  private struct State {
    var pid: Int32?
    var ending: String?
    var lastLines: [String] = []
  }

  let name: String
  let executable: String
  let arguments: [String]
  let environment: [String: String]
  /// The port of its HTTP server on 127.0.0.1.
  let port: Int
  private let state = Mutex(State())

  init(
    name: String, executable: String, arguments: [String] = [], environment: [String: String], port: Int
  ) {
    self.name = name
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.port = port
  }

  /// Nil before it has started and after it has ended.
  var pid: Int32? { state.withLock { $0.ending == nil ? $0.pid : nil } }

  /// How it ended; nil while it runs.
  var ending: String? { state.withLock { $0.ending } }

  /// What it wrote last, for an error's text.
  var lastWords: String { state.withLock { $0.lastLines.joined(separator: "\n") } }

  /// Runs it to its end; cancelling kills it.
  func run() async {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(5))]
    let variables = environment.reduce(into: [Environment.Key: String?]()) { variables, setting in
      if let key = Environment.Key(rawValue: setting.key) { variables[key] = setting.value }
    }
    do {
      // Its standard input is a pipe that nobody writes to: it ends with us, and the program with it (EXIT_WITH_PARENT).
      let result = try await Subprocess.run(
        .path(.init(executable)), arguments: Arguments(arguments), environment: .inherit.updating(variables),
        platformOptions: options, input: .inputWriter, output: .sequence, error: .combinedWithOutput
      ) { execution in
        state.withLock { $0.pid = execution.processIdentifier.value }
        for try await line in execution.standardOutput.strings(bufferingPolicy: .unbounded) {
          state.withLock { state in
            state.lastLines.append(line)
            if state.lastLines.count > 20 { state.lastLines.removeFirst() }
          }
        }
      }
      state.withLock { $0.ending = "\(result.terminationStatus)" }
    } catch {
      state.withLock { $0.ending = "could not be run: \(error)" }
    }
  }

  /// Sends a signal, unless it has ended.
  func signal(_ signal: Int32) {
    state.withLock { state in
      if let pid = state.pid, state.ending == nil { _ = kill(pid, signal) }
    }
  }

  /// Waits for its end.
  /// - Throws: `BenchError` when it does not come.
  func waitForEnd(within limit: Duration = .seconds(60)) async throws {
    try await waitUntil("the end of \(name)", within: limit) { ending != nil }
  }
}

/// Waits for what nothing announces.
/// - Throws: `BenchError` when it has not come true in time.
func waitUntil(
  _ what: String, within limit: Duration = .seconds(60), looking interval: Duration = .milliseconds(10),
  isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw BenchError("waited in vain for \(what)") }
    try await Task.sleep(for: interval)
  }
}
