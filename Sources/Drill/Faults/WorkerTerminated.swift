/// A worker that is told to go.
struct WorkerTerminated: Fault {
  /// Which worker.
  var place = 2
  let name = "worker-sigterm"
  let summary = "SIGTERM of one worker"
  let sparesCoordinators = true

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let process = stage.workers[place % stage.workers.count].process else { return nil }
    return await process.end(within: 60).flatMap { $0 == .exited(0) ? "it drained and exited 0" : nil }
  }
}
