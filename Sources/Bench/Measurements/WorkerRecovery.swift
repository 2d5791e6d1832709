import BatonJSON
import BatonShared

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How long a job stands still after its worker was killed without a word: from SIGKILL to its next start elsewhere.
struct WorkerRecovery: Sendable {
  let fleet: BenchFleet
  let coordinator: BenchProgram
  let queue: String
  let leaseSeconds: Double
  let rounds: Int

  struct Outcome: Sendable {
    /// Seconds from the kill to the first word of the job's next program.
    var killToStart: [Double] = []
  }

  func run() async throws -> Outcome {
    let job = ClockJob()
    defer { job.remove() }
    var running = try await fleet.startWorker("bench-0", of: coordinator, queue: queue, slots: 1)
    let id = try await fleet.submit(job.submission(queue: queue), to: coordinator)
    var program = try await job.waitForStart(1).pid
    var outcome = Outcome()
    for round in 1...rounds {
      let waiting = try await fleet.startWorker("bench-\(round)", of: coordinator, queue: queue, slots: 1)
      // At any moment between two heartbeats, as a machine dies.
      try await Task.sleep(for: .seconds(Double.random(in: 0.5...0.5 + leaseSeconds / 2)))
      let killed = wallClock()
      running.signal(SIGKILL)
      // The machine went with everything on it; the program leads a process group of its own.
      kill(-program, SIGKILL)
      let start = try await job.waitForStart(round + 1, within: .seconds(leaseSeconds * 3 + 30))
      outcome.killToStart.append(start.at - killed)
      program = start.pid
      try await running.waitForEnd()
      running = waiting
    }
    try await fleet.cancel(id, at: coordinator)
    try await fleet.stop(running)
    return outcome
  }
}
