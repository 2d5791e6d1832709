import Subprocess
import Synchronization

#if canImport(System)
  import System
#else
  import SystemPackage
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One of the real programs, running as a child of the drill.
final class DrillProcess: Sendable {
  let name: String
  let executable: String
  let arguments: [String]
  /// The whole environment.
  let environment: [String: String]
  /// What it writes goes there.
  let log: String
  /// Called with each line that it writes.
  let onLine: @Sendable (String) -> Void
  /// Happens when it runs; nil when it could not be started.
  let started = Occurrence<Int32?>()
  let ended = Occurrence<ProcessEnding>()
  /// Happens when it says that it listens: from then on it hears signals, too.
  private let listening = Occurrence<Void>()

  private struct State {
    /// The process id as long as signals may be sent to it.
    var pid: Int32?
    var demand = ProgramDemand.none
  }

  private let state = Mutex(State())

  init(
    name: String, executable: String, arguments: [String] = [], environment: [String: String], log: String,
    onLine: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.name = name
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.log = log
    self.onLine = onLine
  }

  /// Runs it to its end.
  func run() async {
    let ending = await runProgram()
    state.withLock { $0.pid = nil }
    started.happen(nil)
    ended.happen(ending)
  }

  private func runProgram() async -> ProcessEnding {
    var options = PlatformOptions()
    // A Ctrl-C in the terminal is for the drill, which ends its programs itself.
    options.processGroupID = 0
    let variables = environment.reduce(into: [Environment.Key: String]()) { variables, setting in
      if let key = Environment.Key(rawValue: setting.key) { variables[key] = setting.value }
    }
    let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    defer { if file >= 0 { close(file) } }
    do {
      // Its standard input is a pipe that ends with the drill, however that ends (EXIT_WITH_PARENT).
      let result = try await Subprocess.run(
        .path(FilePath(executable)), arguments: Arguments(arguments), environment: .custom(variables),
        platformOptions: options, input: .inputWriter, output: .sequence, error: .combinedWithOutput
      ) { execution in
        let process = execution.processIdentifier.value
        state.withLock { $0.pid = process }
        started.happen(process)
        for try await line in execution.standardOutput.strings(bufferingPolicy: .unbounded) {
          let bytes = Array(line.utf8) + (line.hasSuffix("\n") ? [] : [UInt8(ascii: "\n")])
          if file >= 0 { _ = write(file, bytes, bytes.count) }
          onLine(line)
          if listening.value == nil, LogLine(line)?.message == "listening" { listening.happen() }
        }
      }
      switch result.terminationStatus {
      case .exited(let status): return .exited(status)
      case .signaled(let signal): return .signalled(signal)
      }
    } catch {
      return .notStarted("\(error)")
    }
  }

  /// What it was asked to do, by the signals that it was sent.
  var demand: ProgramDemand { state.withLock { $0.demand } }

  /// Tells it to go, and kills it when its time is over.
  /// - Returns: How it ended; nil when the task was cancelled before.
  @discardableResult
  func end(within seconds: Double) async -> ProcessEnding? {
    // One that is just starting knows nothing of signals yet, and would end by it.
    let limit = ContinuousClock.now + .seconds(60)
    while listening.value == nil, ended.value == nil, !Task.isCancelled, ContinuousClock.now < limit {
      await ended.wait(seconds: 0.05)
    }
    signal(Signals.terminate)
    if let ending = await ended.wait(seconds: seconds) { return ending }
    guard !Task.isCancelled else { return nil }
    state.withLock { $0.demand = .overdue }
    signal(Signals.kill, withPrograms: true)
    return await ended.wait(seconds: 10)
  }

  /// Sends a signal; one that has ended gets none.
  /// - Parameter withPrograms: Whether the programs that it has started get it, too.
  func signal(_ signal: Int32, withPrograms: Bool = false) {
    state.withLock { state in
      guard let pid = state.pid, ended.value == nil else { return }
      if signal == Signals.terminate { state.demand = max(state.demand, .told) }
      if signal == Signals.kill { state.demand = max(state.demand, .killed) }
      guard withPrograms else {
        _ = kill(pid, signal)
        return
      }
      // What is waking must see its programs waking; else the worker first, so that it starts nothing more meanwhile.
      if signal != SIGCONT { _ = kill(pid, SIGSTOP) }
      let programs = ProcessTable.children(of: pid)
      if signal == SIGCONT { _ = kill(pid, signal) }
      for program in programs { _ = kill(program, signal) }
      if signal != SIGCONT { _ = kill(pid, signal) }
    }
  }
}
