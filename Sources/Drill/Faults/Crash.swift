/// The whole machine room dies: the database without a last checkpoint, coordinators and workers in the middle of whatever
/// they did. All are started again.
struct Crash: Fault {
  let name = "crash"
  let summary = "PostgreSQL stopped dead, all coordinators and workers killed; all started again after 2 s"

  func inflict(on stage: FaultStage) async throws -> String? {
    let programs = (stage.coordinators + stage.workers).compactMap(\.process)
    for process in programs { process.signal(Signals.kill, withPrograms: true) }
    try await stage.postgres.stop(mode: .immediate)
    for process in programs { await process.ended.wait(seconds: 10) }
    try await stage.hold(seconds: 2)
    // Nobody notes that the database is away: the coordinators are, too, or just starting, and who does not answer says
    // nothing wrong.
    try await stage.postgres.start()
    let killed = programs.count { $0.ended.value == .signalled(Signals.kill) }
    return killed == stage.coordinators.count + stage.workers.count ? "\(killed) programs killed" : nil
  }
}
