/// A coordinator that holds its connections and does not answer.
struct CoordinatorSuspended: Fault {
  /// Which coordinator.
  var place = 1
  let name = "coordinator-sigstop"
  let summary = "SIGSTOP of one coordinator of two for 10 s, then SIGCONT"

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let process = stage.coordinators[place % stage.coordinators.count].process else { return nil }
    process.signal(Signals.stop)
    defer { process.signal(Signals.resume) }
    try await stage.hold(seconds: 10)
    return "\(process.name) stood still"
  }
}
