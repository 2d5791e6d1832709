import Logging

/// A fleet of its own, what happens to it, and what became of its jobs.
public protocol Drill: Sendable {
  associatedtype Verdict: DrillVerdict

  /// Runs the drill; every process that it started has ended when this returns or throws.
  /// - Throws: `DrillFailure`, `CancellationError` after a Ctrl-C, and what keeps the fleet from starting.
  func run() async throws -> Verdict
}

/// What the check of a drill's history has found.
public protocol DrillVerdict: Sendable {
  /// What must not be. Empty for a drill that shows what it is to show.
  var violations: [String] { get }

  /// The figures, as Markdown that can be read as it stands.
  func report() -> [String]
}

/// What every drill is given.
public struct DrillSetting: Sendable {
  let programs: DrillPrograms
  /// For logs, records and the history.
  let folder: String
  let logger: Logger
  /// Told how it goes, in a line now and then.
  let say: @Sendable (String) -> Void

  /// - Parameter folder: Made if it is not there; an absolute path.
  public init(
    programs: DrillPrograms, folder: String, logger: Logger, say: @escaping @Sendable (String) -> Void
  ) {
    self.programs = programs
    self.folder = folder
    self.logger = logger
    self.say = say
  }

  /// A fleet without anything in it yet.
  /// - Parameter part: The folder of a drill that has several fleets, one after the other.
  /// - Throws: `LocalPostgresError`, or an error when the folder cannot be made.
  func fleet(_ part: String? = nil) throws -> DrillFleet {
    try DrillFleet(folder: folder + (part.map { "/" + $0 } ?? ""), programs: programs, logger: logger)
  }
}

/// What the options of drills with a fleet of workers have in common.
public protocol FleetDrillOptions: Sendable {
  var workers: Int { get set }
  /// Which jobs come and what happens, and when, follows from it.
  var seed: UInt64 { get set }
  /// How long a lease lasts, in seconds.
  var lease: Double { get set }
}
