import BatonShared

@testable import BatonDrill

/// Histories made by hand. All times are seconds.
struct HistoryMaker {
  private(set) var entries: [HistoryEntry] = []

  mutating func at(_ time: Double, _ events: HistoryEvent...) {
    entries += events.map { HistoryEntry(at: time, event: $0) }
  }

  /// A worker that is told to stop at the end of the drill, and does.
  mutating func worker(_ name: String, from start: Double = 0, until end: Double = 1000) {
    at(start, .workerStarted(name), .workerReady(name))
    at(
      end, .fault(number: 0, .terminate, worker: name, deadline: end + 30), .drainSeen(worker: name, source: "sigterm"))
    at(end + 0.5, .workerEnded(name, .exited(0)))
  }

  /// A worker that is killed.
  mutating func killedWorker(_ name: String, from start: Double = 0, at end: Double) {
    at(start, .workerStarted(name), .workerReady(name))
    at(end, .fault(number: 1, .kill, worker: name, deadline: nil), .killed(worker: name, isOverdue: false))
    at(end + 0.1, .workerEnded(name, .signalled(9)))
  }

  /// A worker that is given notice and has gone in time.
  mutating func noticedWorker(
    _ name: String, from start: Double = 0, at notice: Double, seconds: Double, gone: Double? = nil
  ) {
    at(start, .workerStarted(name), .workerReady(name))
    at(notice, .fault(number: 1, .notice, worker: name, deadline: notice + seconds))
    at(notice + 0.4, .drainSeen(worker: name, source: "ec2_spot"))
    at(gone ?? (notice + seconds - 1), .workerEnded(name, .exited(0)))
  }

  mutating func accept(_ job: DrillJob) { at(0, .accepted(job, id: "id-\(job.index)")) }

  mutating func end(
    _ job: DrillJob, _ status: String = "done",
    _ attempts: (worker: String, outcome: String, from: Double, to: Double)...
  ) {
    let attempts = attempts.enumerated().map { index, attempt in
      JobEnding.Attempt(
        number: index + 1, worker: attempt.worker, outcome: attempt.outcome, reason: nil, startedAt: attempt.from,
        endedAt: attempt.to)
    }
    at(2000, .ending(JobEnding(job: job.index, id: "id-\(job.index)", status: status, error: nil, attempts: attempts)))
    for attempt in attempts where attempt.outcome != "lost" {
      at(
        attempt.endedAt ?? 0,
        .told(worker: attempt.worker, job: "id-\(job.index)", attempt: attempt.number, attempt.outcome ?? ""))
    }
  }

  mutating func run(_ run: ProgramRun) { at(2000, .run(run)) }

  var verdict: InterruptionVerdict { InterruptionCheck(history: entries).verdict() }
}

extension DrillJob {
  /// A hundred steps of half a second, with a checkpoint every ten.
  static func hundredSteps(
    _ index: Int = 0, kind: Kind = .exec, behaviour: InterruptionBehaviour = .auto
  ) -> DrillJob {
    DrillJob(index: index, kind: kind, steps: 100, stepSeconds: 0.5, checkpointEvery: 10, behaviour: behaviour)
  }
}

extension ProgramRun {
  /// A run of ``DrillJob/hundredSteps(_:kind:behaviour:)`` that did what it should: a step each half second, a checkpoint
  /// every ten.
  static func steady(
    _ attempt: Int, on worker: String, from start: Double, steps: ClosedRange<Int>, interrupted: Bool = false
  ) -> ProgramRun {
    var run = ProgramRun(job: 0, attempt: attempt, worker: worker, first: steps.lowerBound, startedAt: start)
    for (position, step) in steps.enumerated() {
      let at = start + Double(position + 1) * 0.5
      run.steps.append(.init(number: step, at: at))
      if step.isMultiple(of: 10), step < 100 { run.checkpoints.append(.init(number: step, at: at)) }
    }
    let end = run.steps.last?.at ?? start
    if interrupted { run.interrupted = .init(number: steps.upperBound, at: end + 0.2) }
    if steps.upperBound == 100 { run.finishedAt = end }
    return run
  }
}
