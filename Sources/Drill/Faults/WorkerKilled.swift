/// A machine that dies: found by the lease running out, and by nothing else.
struct WorkerKilled: Fault {
  /// Which worker.
  var place = 0
  let name = "worker-sigkill"
  let summary = "SIGKILL of one worker and its programs"
  let sparesCoordinators = true

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let process = stage.workers[place % stage.workers.count].process else { return nil }
    process.signal(Signals.kill, withPrograms: true)
    return await process.ended.wait(seconds: 10).map { "\($0)" }
  }
}
