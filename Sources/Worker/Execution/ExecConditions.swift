import BatonTelemetry

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

/// As whom, with what of the worker's environment, and within which limits the programs of jobs run.
struct ExecConditions: Sendable, Equatable {
  /// Nil for the worker's own.
  var user: ExecUser?
  var variables = PassedVariables(["*"])
  var limits = ExecLimits()

  /// Whether programs are started just as any child of the worker is.
  var isOrdinary: Bool { user == nil && limits == ExecLimits() }

  /// Makes sure that programs can be started this way.
  ///
  /// - Parameters:
  ///   - scratchParent: Where the jobs' folders are made.
  ///   - own: The users that this worker is: its effective and its real one.
  /// - Throws: `SettingsError` that names the setting.
  func check(scratchParent: String, own: Set<uid_t> = [geteuid(), getuid()]) throws {
    guard !isOrdinary else { return }
    #if os(Linux)
      if limits.processes != nil, user == nil {
        throw Self.error(
          "EXEC_MAX_PROCESSES",
          "EXEC_USER beside it: else the worker itself would be counted, too, and what root runs is not limited")
      }
      guard let user else { return }
      if own.contains(user.userID) {
        throw Self.error(
          "EXEC_USER",
          "another user than the worker's own (\(user.userID)): programs of the same user can stop the worker and read "
            + "its files. Leave it out to run them as the worker's user")
      }
      let missing = Capability.missing()
      guard missing.isEmpty else {
        throw Self.error(
          "EXEC_USER",
          "a worker that may run programs as another user: root, or with the capabilities "
            + missing.map(\.rawValue).joined(separator: ", ") + ", which it lacks")
      }
      do {
        try ProgramStart.attempt(as: user, in: scratchParent)
      } catch let failure as ProgramStart.Failure where failure.isOfFolder {
        throw Self.error("EXEC_USER", "a user who can enter the folder for jobs that TMPDIR names (\(failure))")
      } catch {
        throw Self.error("EXEC_USER", "a user whom this worker may run programs as (\(error))")
      }
    #else
      throw Self.error(user == nil ? "EXEC_MAX_…" : "EXEC_USER", "nothing: on this system there is no such thing")
    #endif
  }

  private static func error(_ name: String, _ expected: String) -> SettingsError {
    SettingsError(name, expected: expected)
  }
}

#if os(Linux)
  /// What a worker needs of root's powers to run programs as another user, in the order of their numbers.
  private enum Capability: String, CaseIterable {
    case chown = "CAP_CHOWN"
    case overrideAccess = "CAP_DAC_OVERRIDE"
    case actAsOwner = "CAP_FOWNER"
    case kill = "CAP_KILL"
    case setGroup = "CAP_SETGID"
    case setUser = "CAP_SETUID"

    private var bit: UInt64 {
      switch self {
      case .chown: 0
      case .overrideAccess: 1
      case .actAsOwner: 3
      case .kill: 5
      case .setGroup: 6
      case .setUser: 7
      }
    }

    /// Those that this process has not got; none where the system does not say.
    static func missing() -> [Capability] {
      guard let status = FileManager.default.contents(atPath: "/proc/self/status"),
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n")
          .first(where: { $0.hasPrefix("CapEff:") }),
        let digits = line.split(whereSeparator: \.isWhitespace).last, let held = UInt64(digits, radix: 16)
      else { return [] }
      return allCases.filter { held & 1 << $0.bit == 0 }
    }
  }
#endif
