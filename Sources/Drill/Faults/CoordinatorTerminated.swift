struct CoordinatorTerminated: Fault {
  /// Which coordinator.
  var place = 0
  let name = "coordinator-sigterm"
  let summary = "SIGTERM of one coordinator of two, started again"

  func inflict(on stage: FaultStage) async throws -> String? {
    guard let process = stage.coordinators[place % stage.coordinators.count].process else { return nil }
    return await process.end(within: 60).flatMap { $0 == .exited(0) ? "it exited 0" : nil }
  }
}
