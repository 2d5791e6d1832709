/// What happens to a worker of the drill.
enum WorkerFault: Sendable, Equatable {
  enum Sequel: Sendable, Equatable {
    case withdrawn
    case lifecycle
    case notice(seconds: Double)
  }

  /// EC2's notice that the instance is taken back.
  case notice(action: String, seconds: Double)
  /// A recommendation to rebalance, and what follows after so many seconds.
  case rebalance(Sequel, after: Double)
  /// The Auto Scaling group lets the instance go.
  case lifecycle
  /// `POST /simulate/interruption` at the worker.
  case simulated(seconds: Double)
  /// `POST /workers/{id}/drain` at the coordinator.
  case drain
  case terminate
  /// SIGKILL, to the worker and its programs at once.
  case kill
  /// SIGSTOP to the worker and its programs, for longer than a lease lasts; then SIGCONT.
  case suspend(seconds: Double)

  var kind: FaultKind {
    switch self {
    case .notice("hibernate", _): .hibernate
    case .notice: .notice
    case .rebalance(.withdrawn, _): .rebalanceWithdrawn
    case .rebalance(.lifecycle, _): .rebalanceThenLifecycle
    case .rebalance(.notice, _): .rebalanceThenNotice
    case .lifecycle: .lifecycle
    case .simulated: .simulated
    case .drain: .drain
    case .terminate: .terminate
    case .kill: .kill
    case .suspend: .suspend
    }
  }
}

/// What faults are counted by.
enum FaultKind: String, Sendable, CaseIterable {
  case notice = "spot notice"
  case hibernate = "spot notice, hibernate"
  case rebalanceWithdrawn = "rebalance, withdrawn"
  case rebalanceThenLifecycle = "rebalance, then Terminated"
  case rebalanceThenNotice = "rebalance, then spot notice"
  case lifecycle = "lifecycle state Terminated"
  case simulated = "simulated interruption"
  case drain = "operator's drain"
  case terminate = "SIGTERM"
  case kill = "SIGKILL"
  case suspend = "SIGSTOP beyond the lease"

  /// What it means for the work in flight.
  var effect: Effect {
    switch self {
    case .kill: .kill
    case .suspend: .suspension
    case .rebalanceWithdrawn: .none
    default: .notice
    }
  }

  enum Effect: String, Sendable, CaseIterable {
    /// The worker was told in time.
    case notice
    case kill
    case suspension
    case none
  }
}

/// One thing that happens to a worker.
struct WorkerFate: Sendable, Equatable {
  /// Seconds after the worker got ready, or was through with what happened before.
  var wait: Double
  var fault: WorkerFault
  /// Seconds from a fault that ends the worker until another is started in its place; after a notice both live on for a
  /// while, as with an Auto Scaling group that rebalances.
  var replacementDelay: Double
}

/// What happens to the workers of a drill: by the seed, the worker's place in the fleet and a count alone.
struct FatePlan: Sendable {
  let seed: UInt64
  /// How long a lease lasts, in seconds.
  let lease: Double
  /// Between two faults on one place of the fleet.
  var wait = 5.0...55.0

  func fate(slot: Int, episode: Int) -> WorkerFate {
    var numbers = SeededNumbers(seed: seed, "fate", slot, episode)
    let wait = numbers.uniform(self.wait)
    let warning = numbers.logarithmic(3...120)
    let pause = numbers.uniform(2...15)
    let fault: WorkerFault = numbers.pick([
      (26, .notice(action: "terminate", seconds: warning)),
      (6, .notice(action: "stop", seconds: warning)),
      (7, .notice(action: "hibernate", seconds: warning)),
      (4, .rebalance(.withdrawn, after: pause)),
      (4, .rebalance(.lifecycle, after: pause)),
      (4, .rebalance(.notice(seconds: warning), after: pause)),
      (6, .lifecycle),
      (6, .simulated(seconds: warning)),
      (4, .drain),
      (10, .terminate),
      (15, .kill),
      (8, .suspend(seconds: lease * numbers.uniform(1.2...2.2))),
    ])
    return WorkerFate(wait: wait, fault: fault, replacementDelay: numbers.uniform(0...4))
  }
}
