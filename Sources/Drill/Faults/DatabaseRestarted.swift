import BatonLocalPostgres

/// PostgreSQL goes and comes back, in good order or as after a crash.
struct DatabaseRestarted: Fault {
  let mode: LocalPostgres.StopMode
  /// How long it is away, in seconds.
  var seconds = 2.0

  var name: String { "postgres-" + (mode == .fast ? "fast" : "immediate") }

  var summary: String {
    mode == .fast ? "PostgreSQL restarted (fast)" : "PostgreSQL stopped dead (immediate), recovered from its log"
  }

  func inflict(on stage: FaultStage) async throws -> String? {
    try await stage.postgres.stop(mode: mode)
    let stopped = ContinuousClock.now
    stage.note(.database(isThere: false))
    try await stage.hold(seconds: seconds)
    stage.note(.database(isThere: true))
    try await stage.postgres.start()
    return "it was away for \(tenths((ContinuousClock.now - stopped).inSeconds)) s"
  }
}
