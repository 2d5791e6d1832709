import BatonLocalPostgres
import Synchronization

/// What a fault can lay hands on: the parts of a fleet, and the network between them.
struct FaultStage: Sendable {
  let fleet: DrillFleet
  let recorder: HistoryRecorder
  let coordinators: [KeptProcess]
  let workers: [KeptProcess]
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

  /// The connections of the coordinators come as this user.
  static let databaseUser = "baton"

  /// Lets the fault last.
  func hold(seconds: Double) async throws { try await Task.sleep(for: .seconds(isShort ? seconds / 2 : seconds)) }

  func links(_ place: NetworkFault.Place) -> [TCPProxy] {
    switch place {
    case .workers: coordinatorLinks
    case .database: databaseLinks
    }
  }
}
