struct CoordinatorKilled: Fault {
  /// Which coordinator.
  var place = 0
  let name = "coordinator-sigkill"
  let summary = "SIGKILL of one coordinator of two, started again"

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let process = stage.coordinators[place % stage.coordinators.count].process else { return nil }
    process.signal(Signals.kill)
    return await process.ended.wait(seconds: 10).map { "\($0)" }
  }
}
