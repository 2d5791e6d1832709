/// What a fleet has to do while a fault lasts.
enum Endurance: Sendable {
  /// Nothing: it may stand still.
  case none
  /// Jobs are still done when half of the fault's time is over.
  case goesOn
  /// Jobs are done at the former rate.
  case holdsRate
}

/// Something that goes wrong in a fleet, and passes.
protocol Fault: Sendable {
  /// What it is called on the command line: words with hyphens.
  var name: String { get }
  /// What happens, in a few words.
  var summary: String { get }
  /// How long the fleet may take to be back at its former rate, in seconds after the fault has passed.
  var recoveryLimit: Double { get }
  /// What the fleet has to do while it lasts.
  var endurance: Endurance { get }
  /// Whether the database needs a standby.
  var needsStandby: Bool { get }
  /// Whether coordinators and the database have nothing of it.
  var sparesCoordinators: Bool { get }
  /// Whether attempts may fail on its account; jobs may not.
  var failsAttempts: Bool { get }

  /// Lets it happen, and returns when it has passed.
  ///
  /// - Returns: What shows that it did happen, for the report; nil if it did not, which is a finding.
  /// - Throws: `FaultUnavailable` where it cannot be had.
  func inflict(on stage: FaultStage) async throws -> String?
}

extension Fault {
  var recoveryLimit: Double { 10 }
  var endurance: Endurance { .none }
  var needsStandby: Bool { false }
  var sparesCoordinators: Bool { false }
  var failsAttempts: Bool { false }
}

/// Why a fault cannot be had on this machine.
struct FaultUnavailable: Error {
  let reason: String
}

/// Every fault that a drill knows. One more is one more file, and a line here.
enum Faults {
  static let all: [any Fault] =
    [
      WorkerKilled(), WorkerSuspended(), WorkerTerminated(), WorkerKilledRepeatedly(),
      CoordinatorKilled(), CoordinatorSuspended(), CoordinatorTerminated(),
      // Long enough to see what the coordinators say of themselves meanwhile.
      DatabaseRestarted(mode: .fast, seconds: 5), DatabaseRestarted(mode: .immediate, seconds: 5), BackendsKilled(),
      ConnectionsExhausted(), PinnedTransaction(), Crash(),
    ] + NetworkFault.all + [AnswersLost(), DiskFull(), Failover()]

  static func named(_ name: String) -> (any Fault)? { all.first { $0.name == name } }
}
