import BatonLocalPostgres

/// Faults of all sorts, one after the other, in two lanes at once: by the seed, the lane and a count alone.
struct MixedFaultPlan: Sendable {
  /// Faults of one lane do not get in each other's way.
  enum Lane: Int, Sendable, CaseIterable {
    /// What happens to workers and coordinators.
    case programs
    /// What happens to the database and on the network.
    case surroundings
  }

  let seed: UInt64
  let workers: Int
  /// Seconds from the end of one to the beginning of the next; the first comes sooner.
  var pause = 1.0...6.0

  func fault(_ lane: Lane, _ index: Int) -> (pause: Double, fault: any Fault) {
    var numbers = SeededNumbers(seed: seed, "mixed fault", lane.rawValue, index)
    let pause = numbers.uniform(index == 0 ? 0.2...1 : self.pause)
    let worker = min(workers - 1, Int(numbers.unit() * Double(workers)))
    let coordinator = numbers.unit() < 0.5 ? 0 : 1
    let fault: any Fault =
      switch lane {
      case .programs:
        numbers.pick([
          (6, WorkerKilled(place: worker) as any Fault), (3, WorkerSuspended(place: worker)),
          (4, WorkerTerminated(place: worker)), (4, CoordinatorKilled(place: coordinator)),
          (2, CoordinatorSuspended(place: coordinator)), (3, CoordinatorTerminated(place: coordinator)),
        ])
      case .surroundings:
        numbers.pick(
          [
            (3, DatabaseRestarted(mode: .fast) as any Fault), (3, DatabaseRestarted(mode: .immediate)),
            (3, BackendsKilled()), (2, ConnectionsExhausted()), (4, AnswersLost()),
          ] + NetworkFault.all.map { (1, $0) })
      }
    return (pause, fault)
  }
}
