import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// How a program of the fleet ended.
enum ChildEnding: Sendable, Equatable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)
  case notStarted(String)

  var isSuccess: Bool { self == .exited(0) }

  var description: String {
    switch self {
    case .exited(let status): "exited with status \(status)"
    case .signalled(let signal): "was killed by signal \(signal)"
    case .notStarted(let reason): "could not be started: \(reason)"
    }
  }
}

/// Runs one program of a fleet.
struct ChildProcess: Sendable {
  let program: FleetPlan.Program
  let log: MergedLog

  /// Runs the program until it ends.
  /// - Parameters:
  ///   - signals: What to send to it.
  ///   - started: Told its process id.
  func run(
    signals: AsyncStream<Signal>, started: @Sendable @escaping (Int32) -> Void
  ) async -> ChildEnding {
    var options = PlatformOptions()
    // A process group of its own: the terminal's Ctrl-C is for `baton up`, which stops its programs in order.
    options.processGroupID = 0
    options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(5))]
    let overrides = program.environment.reduce(into: [Environment.Key: String?]()) { overrides, setting in
      if let key = Environment.Key(rawValue: setting.key) { overrides[key] = setting.value }
    }
    do {
      // Its standard input is a pipe that we hold and never write to: it ends with us, however we end, and a program
      // with EXIT_WITH_PARENT takes that end for SIGTERM.
      let result = try await Subprocess.run(
        .path(FilePath(program.executable)), environment: .inherit.updating(overrides), platformOptions: options,
        input: .inputWriter, output: .sequence, error: .combinedWithOutput
      ) { execution in
        started(execution.processIdentifier.value)
        try await withThrowingTaskGroup { group in
          group.addTask {
            // One that has ended already needs no signal.
            for await signal in signals { try? execution.send(signal: signal) }
          }
          for try await line in execution.standardOutput.strings(bufferingPolicy: .unbounded) {
            await log.write(line, from: program.name)
          }
          group.cancelAll()
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
}
