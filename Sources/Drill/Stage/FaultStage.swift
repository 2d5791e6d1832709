import BatonLocalPostgres
import Synchronization

/// What a fault can lay hands on: the parts of a fleet, and the network between them.
struct FaultStage: Sendable {
  let fleet: DrillFleet
  /// Takes in what the parts of the fleet say of themselves, and what is done to them.
  let note: @Sendable (HistoryEvent) -> Void
  let coordinators: [KeptProcess]
  let workers: [KeptProcess]
  /// Where clients reach each coordinator; nothing happens to these ways.
  let addresses: [String]
  /// Between the workers and each coordinator.
  let coordinatorLinks: [TCPProxy]
  /// Between each coordinator and the database.
  let databaseLinks: [TCPProxy]
  /// Follows the primary, where a fault needs it.
  let standby: LocalPostgres?
  /// How long a lease lasts, in seconds.
  let lease: Double
  /// Whether the last worker's scratch folders are on a small disk of its own.
  let hasSmallDisk: Bool
  /// Shorter faults, for a first look.
  let isShort: Bool

  var postgres: LocalPostgres { fleet.postgres }

  /// The names of all that is to be there.
  var parts: [String] { (coordinators + workers).map(\.name) }

  /// The server that holds the jobs now.
  var database: LocalPostgres {
    get async {
      guard let standby, await postgres.pid == nil else { return postgres }
      return standby
    }
  }

  /// The connections of the coordinators come as this user.
  static let databaseUser = "baton"

  /// Lets the fault last.
  func hold(seconds: Double) async throws { try await Task.sleep(for: .seconds(isShort ? seconds / 2 : seconds)) }

  /// Undoes whatever a fault that was cut short may have left behind.
  func heal() async {
    for link in coordinatorLinks + databaseLinks {
      link.set(.pass)
      link.loseAnswers(toRequests: "", count: 0)
    }
    for kept in coordinators + workers { kept.process?.signal(Signals.resume, withPrograms: true) }
    // A server that is just starting refuses.
    for _ in 0..<100 {
      if (try? await postgres.run("select 1")) != nil { return }
      try? await postgres.start()
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  func links(_ place: NetworkFault.Place) -> [TCPProxy] {
    switch place {
    case .workers: coordinatorLinks
    case .database: databaseLinks
    }
  }
}
