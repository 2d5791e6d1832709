#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the programs of `exec` jobs may use; nil leaves a limit as it is for the worker.
///
/// The system keeps to them, for each process of a program by itself.
public struct ExecLimits: Sendable, Equatable {
  /// Memory that a process may map, in bytes (`RLIMIT_AS`).
  public var memoryBytes: Int?
  /// The largest file that it may write, in bytes (`RLIMIT_FSIZE`).
  public var fileBytes: Int?
  /// The largest picture of its memory when it crashes, in bytes; 0 for none (`RLIMIT_CORE`).
  public var coreBytes: Int?
  /// How many files and sockets it may have open (`RLIMIT_NOFILE`).
  public var openFiles: Int?
  /// How many processes and threads the programs' user may have, those of all jobs together (`RLIMIT_NPROC`). Only with
  /// ``WorkerConfiguration/execUser``.
  public var processes: Int?
  /// How long it may compute, in seconds of a processor's time (`RLIMIT_CPU`). It is told by SIGXCPU, and killed when it
  /// goes on for five seconds more.
  public var processorSeconds: Int?
  /// How much it stands back when the processors are busy: 1 to 19.
  public var nice: Int?

  /// No limits.
  public init() {}

  /// The limit that a program has run into, as far as its end shows it.
  ///
  /// - Returns: The setting with its value.
  func reached(_ outcome: ChildProcess.Outcome) -> String? {
    let signal: Int32? =
      switch outcome.ending {
      case .signalled(let signal): signal
      // How shells say that what they ran ended of a signal.
      case .exited(let status) where status > 128: status - 128
      case .exited: nil
      }
    switch signal {
    case SIGXCPU: return processorSeconds.map { "EXEC_MAX_CPU_SECONDS=\($0)" }
    case SIGXFSZ: return fileBytes.map { "EXEC_MAX_FILE_BYTES=\($0)" }
    case SIGKILL:
      guard let processorSeconds, outcome.processorSeconds >= Double(processorSeconds) else { return nil }
      return "EXEC_MAX_CPU_SECONDS=\(processorSeconds)"
    default: return nil
    }
  }
}
