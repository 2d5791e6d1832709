/// A machine that dies as soon as it is back, again and again.
struct WorkerKilledRepeatedly: Fault {
  let name = "worker-sigkill-again"
  let summary = "SIGKILL of one worker and its programs, five times, as soon as it works again"
  let sparesCoordinators = true

  func inflict(on stage: FaultStage) async throws -> String? {
    let worker = stage.workers[0]
    var count = 0
    for _ in 0..<5 {
      guard let process = worker.process else { return nil }
      process.signal(Signals.kill, withPrograms: true)
      guard await process.ended.wait(seconds: 10) != nil else { return nil }
      count += 1
      let end = ContinuousClock.now + .seconds(10)
      while worker.process === process, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
      // Until it has registered and been given something.
      try await stage.hold(seconds: 2)
    }
    return "\(count) times"
  }
}
