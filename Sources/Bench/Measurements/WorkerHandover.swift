import BatonJSON
import BatonShared

/// The gap of a hand-over between real worker processes, as the job itself sees it.
///
/// Each time, one worker runs the job and another has waited for work for a while; the first is told to drain, and a
/// fresh one takes its place.
struct WorkerHandover: Sendable {
  /// How long a worker has been idle when the job comes to it.
  private static let idle = Duration.milliseconds(200)

  let fleet: BenchFleet
  let coordinator: BenchProgram
  let queue: String
  let rounds: Int

  struct Outcome: Sendable {
    var job: JobID
    /// Milliseconds from the last word of the old program to the first of the new one: nothing is left out.
    var stopToStart: [Double] = []
    /// Milliseconds from the request to drain to the first word of the new program.
    var drainToStart: [Double] = []
    /// When the job's program started, in seconds since 1970, an entry an attempt.
    var starts: [Double] = []
    /// Milliseconds that the program needs to its first word when nothing of Baton's runs it.
    var programAlone: [Double] = []
  }

  func run() async throws -> Outcome {
    let job = ClockJob()
    defer { job.remove() }
    var running = try await fleet.startWorker("bench-0", of: coordinator, queue: queue, slots: 1)
    let id = try await fleet.submit(job.submission(queue: queue), to: coordinator)
    var outcome = Outcome(job: id, starts: [try await job.waitForStart(1).at])
    for round in 1...rounds {
      let waiting = try await fleet.startWorker("bench-\(round)", of: coordinator, queue: queue, slots: 1)
      try await Task.sleep(for: Self.idle)
      let told = wallClock()
      try await fleet.ask(running, "POST", "/drain").expect(202, "the request to drain")
      let start = try await job.waitForStart(round + 1).at
      guard case .stopped(let stop)? = job.lines().dropLast().last else {
        throw BenchError("the job was started again before it had stopped")
      }
      outcome.stopToStart.append((start - stop) * 1000)
      outcome.drainToStart.append((start - told) * 1000)
      outcome.starts.append(start)
      try await running.waitForEnd()
      running = waiting
    }
    outcome.programAlone = try await ClockJob.startAlone(times: rounds)
    try await fleet.cancel(id, at: coordinator)
    try await fleet.stop(running)
    return outcome
  }
}
