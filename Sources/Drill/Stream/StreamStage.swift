/// The fleet of a drill with very many jobs, and its load.
struct StreamStage: Sendable {
  let options: StageOptions
  let setting: DrillSetting

  /// Puts up the fleet, lets the load run, does `body` beside it, waits for the last job and judges the history.
  /// - Parameter body: Returns when the load has served; a load with a total ends by itself before.
  func play(
    scenario: String, plan: StreamPlan, total: Int?, backlog: Int, drainSeconds: Double,
    _ body: @escaping @Sendable (FaultStage, StreamLoad, StreamRecorder) async throws -> Void
  ) async throws -> StreamVerdict {
    let fleet = try setting.fleet()
    let recorder = try StreamRecorder(path: fleet.folder + "/history.txt")
    recorder.record(.plan(scenario: scenario, jobs: total ?? 0))
    try await fleet.play {
      recorder.record(.late(seconds: $0))
    } body: {
      let builder = FaultStageBuilder(
        options: options, fleet: fleet, note: { recorder.note($0) }, origin: recorder.origin, logger: setting.logger,
        needsStandby: false)
      try await builder.with { stage, clients in
        let load = StreamLoad(plan: plan, total: total, backlog: backlog, recorder: recorder)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { await load.submit(to: clients, watching: stage.postgres) }
          group.addTask {
            try await body(stage, load, recorder)
            load.stop()
          }
          try await group.waitForAll()
        }
        _ = try await load.drain(stage.postgres, seconds: drainSeconds)
        try await load.collect(stage.postgres, folder: fleet.folder)
      }
    }
    recorder.flush()
    return try StreamHistory.judge(path: recorder.path)
  }
}
