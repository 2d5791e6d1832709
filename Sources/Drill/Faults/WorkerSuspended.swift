/// A machine that stands still for longer than its leases last, and goes on as if nothing had been.
struct WorkerSuspended: Fault {
  /// Which worker.
  var place = 1
  let name = "worker-sigstop"
  let summary = "SIGSTOP of one worker and its programs for 1.5 leases, then SIGCONT"
  let sparesCoordinators = true

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let process = stage.workers[place % stage.workers.count].process else { return nil }
    stage.note(.suspended(worker: process.name))
    process.signal(Signals.stop, withPrograms: true)
    // Not shortened: what matters is that it is longer than a lease.
    try await Task.sleep(for: .seconds(stage.lease * 1.5))
    stage.note(.resumed(worker: process.name))
    process.signal(Signals.resume, withPrograms: true)
    return "\(process.name) stood still"
  }
}
