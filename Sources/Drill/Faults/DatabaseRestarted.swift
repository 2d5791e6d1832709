import BatonLocalPostgres

/// PostgreSQL goes and comes back, in good order or as after a crash.
struct DatabaseRestarted: Fault {
  let mode: LocalPostgres.StopMode

  var name: String { "postgres-" + (mode == .fast ? "fast" : "immediate") }

  var summary: String {
    mode == .fast ? "PostgreSQL restarted (fast)" : "PostgreSQL stopped dead (immediate), recovered from its log"
  }

  func inflict(on stage: FaultStage) async throws -> String? {
    try await stage.postgres.stop(mode: mode)
    let stopped = ContinuousClock.now
    try await stage.hold(seconds: 2)
    try await stage.postgres.start()
    return "it was away for \(tenths((ContinuousClock.now - stopped).inSeconds)) s"
  }
}
