extension InterruptionCheck {
  /// Why an attempt ended before the job did.
  enum Cause: String, CaseIterable, Sendable {
    case notice = "told in time"
    case noticeOfRelease = "told in time, job wants release"
    case noticeOfFinish = "told in time, job wants to finish"
    case kill = "killed"
    case overdue = "killed when its time was over"
    case suspension = "suspended"
    /// The worker gave the job up by itself, as it does when it cannot renew its lease.
    case none = "no fault"
  }

  /// Looks at all attempts of a job: where each began, and what of the one before was worked again.
  func judgeWork(_ index: Int, _ verdict: inout InterruptionVerdict) {
    guard let job = jobs[index], let runs = runs[index], let ending = endings[index] else { return }
    verdict.violations += judgeCheckpoints(index)
    var start = StartingPoint()
    for (position, run) in runs.enumerated() {
      let next = runs.dropFirst(position + 1).first
      verdict.violations += start.judge(run, of: job)
      let attempt = ending.attempts.first { $0.number == run.attempt }
      let cause = cause(of: run, job, attempt)
      let end = end(of: run, cause)
      let isHandedBack = attempt?.outcome == "interrupted" || attempt?.outcome == "released"
      // What was written in the last moment before a hand-back is at the coordinator, unless the machine was too late.
      let isInTime = isHandedBack && lateness(at: end) <= excuse(run)
      for checkpoint in run.checkpoints where isSaved(checkpoint, before: end, of: run, isInTime) {
        start.save(checkpoint.number)
      }
      if let interrupted = run.interrupted, isInTime || (isHandedBack && !run.isExact) {
        start.save(interrupted.number)
      }
      guard let next, run.finishedAt == nil || attempt?.outcome != "done" else { continue }
      if job.kind == .exec { judgeOverlap(run, next, cause, &verdict) }
      measureRedone(run, next, job, cause, end, isHandedBack, &verdict)
    }
  }

  private func cause(of run: ProgramRun, _ job: DrillJob, _ attempt: JobEnding.Attempt?) -> Cause {
    guard let worker = workers[run.worker] else { return .none }
    if attempt?.outcome == "lost" {
      if worker.killedAt != nil { return worker.isOverdue ? .overdue : .kill }
      if isSuspended(worker, during: run) { return .suspension }
    }
    // A job that is handed back after its worker woke up.
    if worker.drainSeenAt == nil, isSuspended(worker, during: run) { return .suspension }
    guard let notice = worker.notice, notice.at <= attempt?.endedAt ?? end(of: run, .notice) else { return .none }
    return switch job.behaviour {
    case .release: .noticeOfRelease
    // It runs until the last moment, and what it has not saved by itself then is lost.
    case .finish: .noticeOfFinish
    case .auto, .checkpoint: .notice
    }
  }

  private func isSuspended(_ worker: Worker, during run: ProgramRun) -> Bool {
    let start = run.startedAt ?? 0
    return worker.suspensions.contains { $0.until >= start }
  }

  /// When the work of an attempt ended.
  private func end(of run: ProgramRun, _ cause: Cause) -> Double {
    let worker = workers[run.worker]
    switch cause {
    case .kill, .overdue: return worker?.killedAt ?? 0
    case .suspension:
      let start = run.startedAt ?? 0
      return worker?.suspensions.first { $0.until >= start }?.from ?? 0
    case .notice, .noticeOfRelease, .noticeOfFinish, .none:
      // What is not known to have ended counts as going on until the worker did.
      let known = run.interrupted?.at ?? run.finishedAt ?? run.steps.last?.at ?? run.startedAt
      return known ?? worker?.endedAt ?? 0
    }
  }

  /// Whether a checkpoint must be at the coordinator when the work ended.
  private func isSaved(
    _ checkpoint: ProgramRun.Mark, before end: Double, of run: ProgramRun, _ isInTime: Bool
  ) -> Bool {
    // The kind `steps` logs a checkpoint when it has been saved. What is handed back is handed back with the newest.
    guard run.isExact, let at = checkpoint.at else { return true }
    return isInTime || at <= end - allowance(at: end)
  }

  /// How late the machine was when an attempt ended, in seconds.
  private func lateness(at end: Double) -> Double { lateness.greatest(from: end - 5, to: end + 1) }

  /// How late it may have been without excusing anything: less where the worker had little time, in seconds.
  private func excuse(_ run: ProgramRun) -> Double {
    guard let worker = workers[run.worker], let notice = worker.notice, let seen = worker.drainSeenAt else {
      return Self.excuseSeconds
    }
    // A hibernation begins at once, whatever time it names: workers take a second.
    let time = notice.kind == .hibernate ? 1 : (notice.deadline ?? .infinity) - seen
    return min(Self.excuseSeconds, max(0, time) / 4)
  }

  /// How long a checkpoint may be on its way, in seconds, at a time.
  private func allowance(at time: Double) -> Double {
    Self.uploadSeconds + 3 * lateness.greatest(from: time - 5, to: time + 0.5)
  }

  /// Two attempts at a job must not work at the same time.
  private func judgeOverlap(
    _ run: ProgramRun, _ next: ProgramRun, _ cause: Cause, _ verdict: inout InterruptionVerdict
  ) {
    guard let nextStart = next.startedAt, let last = run.steps.last(where: { ($0.at ?? 0) > nextStart }),
      let at = last.at
    else { return }
    let worker = workers[run.worker]
    // A program that was stopped together with its worker wakes up with it, and is ended by it at once.
    let woke = worker?.suspensions.last { $0.until <= at }?.until
    let late = lateness.greatest(from: at - 5, to: at)
    if let woke, at <= woke + 1 + 3 * late {
      verdict.stepsAfterWaking += run.steps.count { ($0.at ?? 0) > nextStart }
      return
    }
    verdict.violations.append(
      "attempts \(run.attempt) and \(next.attempt) of job \(run.job) worked at the same time: step \(last.number) of "
        + "the first ended \(tenths(at - nextStart)) s after the second began (\(cause.rawValue))")
  }

  private func measureRedone(
    _ run: ProgramRun, _ next: ProgramRun, _ job: DrillJob, _ cause: Cause, _ end: Double, _ isHandedBack: Bool,
    _ verdict: inout InterruptionVerdict
  ) {
    guard let first = next.first else { return }
    var redone = InterruptionVerdict.Redone()
    if run.isExact {
      redone.steps = run.steps.count { $0.number >= first }
      redone.seconds = seconds(of: run, from: first, job, cause, end)
    } else if isHandedBack, let interrupted = run.interrupted {
      redone.steps = max(0, interrupted.number - first + 1)
      redone.seconds = Double(redone.steps) * job.stepSeconds
    } else {
      // How far the built-in kind had come when its worker vanished, nobody knows.
      return
    }
    redone.intervals = Double(redone.steps) / Double(job.checkpointEvery)
    verdict.redone[cause, default: []].append(redone)
    judge(redone, run, next, job, cause, end, &verdict)
  }

  private func judge(
    _ redone: InterruptionVerdict.Redone, _ run: ProgramRun, _ next: ProgramRun, _ job: DrillJob, _ cause: Cause,
    _ end: Double, _ verdict: inout InterruptionVerdict
  ) {
    let text =
      "job \(run.job) (\(job.kind.rawValue), \(job.behaviour.rawValue)): \(redone.steps) steps of attempt "
      + "\(run.attempt) on \(run.worker) were worked again (\(cause.rawValue))"
    switch cause {
    case .notice:
      guard redone.steps > 0 else { return }
      let late = lateness(at: end)
      if late > excuse(run) {
        verdict.remarks.append(text + "; the machine was late by up to \(tenths(late)) s")
      } else {
        verdict.violations.append(text)
      }
    case .kill, .overdue, .suspension, .none, .noticeOfRelease, .noticeOfFinish:
      // A step that had begun when the checkpoint was due may end while it is saved.
      let bound = Double(job.checkpointEvery) + (allowance(at: end) / job.stepSeconds).rounded(.up) + 1
      let wakes = cause == .suspension ? 1 / job.stepSeconds : 0
      if Double(redone.steps) > bound + wakes {
        verdict.violations.append(text + "; the checkpoint interval is \(job.checkpointEvery) steps")
      }
    }
  }

  /// How long the work took that was done again: whole steps, and the part of one that was cut off.
  private func seconds(
    of run: ProgramRun, from first: Int, _ job: DrillJob, _ cause: Cause, _ end: Double
  ) -> Double {
    var before = run.startedAt ?? 0
    var seconds = 0.0
    let hasStoodStill = workers[run.worker].map { isSuspended($0, during: run) } ?? false
    for mark in run.steps {
      let at = mark.at ?? before
      // What a suspended program stood still is no work.
      if mark.number >= first { seconds += hasStoodStill ? min(at - before, job.stepSeconds) : at - before }
      before = at
    }
    return seconds + min(max(0, end - before), job.stepSeconds)
  }

  // MARK: Gaps

  /// How long jobs waited between two attempts.
  func measureGaps(_ verdict: inout InterruptionVerdict) {
    for ending in endings.values {
      for (attempt, next) in zip(ending.attempts, ending.attempts.dropFirst()) {
        switch attempt.outcome {
        case "interrupted":
          if let end = attempt.endedAt { verdict.handoverGaps.append(next.startedAt - end) }
        case "lost":
          guard let worker = workers[attempt.worker], let killed = worker.killedAt, !worker.isOverdue else { continue }
          verdict.killGaps.append(next.startedAt - killed)
        default: break
        }
      }
    }
  }
}
