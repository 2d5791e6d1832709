extension InterruptionCheck {
  /// Whether every job that was accepted came to exactly one good end.
  func judgeJobs(_ verdict: inout InterruptionVerdict) {
    verdict.submitted = jobs.count
    for (index, job) in jobs.sorted(by: { $0.key < $1.key }) {
      guard let ending = endings[index] else {
        verdict.lost += 1
        verdict.violations.append("job \(index) is lost: nothing is known of it in the end")
        continue
      }
      switch ending.status {
      case "done":
        verdict.done += 1
        judgeDone(job, ending, &verdict)
      case "failed", "cancelled":
        verdict.failed += 1
        verdict.violations.append("job \(index) is \(ending.status): \(ending.error ?? "no reason is given")")
      default:
        verdict.lost += 1
        verdict.violations.append("job \(index) is lost: it is '\(ending.status)' in the end")
      }
      judgeAttempts(ending, &verdict)
      verdict.violations += judgeLeases(ending)
      verdict.leases.add(leases[ending.id])
    }
  }

  /// Whether a job that is said to be done was worked from its first step to its last.
  private func judgeDone(_ job: DrillJob, _ ending: JobEnding, _ verdict: inout InterruptionVerdict) {
    let runs = runs[job.index] ?? []
    if job.kind == .exec {
      let executed = Set(runs.flatMap { $0.steps.map(\.number) })
      let missing = (1...job.steps).first { !executed.contains($0) }
      if let missing {
        verdict.violations.append("job \(job.index) is done, but its step \(missing) was never executed")
      } else if !runs.contains(where: { $0.finishedAt != nil }) {
        verdict.violations.append("job \(job.index) is done, but its program never finished")
      }
    }
    let dones = ending.attempts.filter { $0.outcome == "done" }
    let accepted = Set((words[ending.id] ?? []).filter { $0.word == "done" }.map(\.attempt))
    if dones.count > 1 || accepted.count > 1 {
      verdict.doubleSettled += 1
      verdict.violations.append(
        "job \(job.index) was settled as done \(max(dones.count, accepted.count)) times: by the coordinator's record "
          + "in the attempts \(dones.map(\.number)), by what workers were told in \(accepted.sorted())")
    } else if dones.isEmpty {
      verdict.violations.append("job \(job.index) is done, but none of its attempts is")
    }
  }

  /// Whether what workers were told of their attempts is what is on record.
  private func judgeAttempts(_ ending: JobEnding, _ verdict: inout InterruptionVerdict) {
    for attempt in ending.attempts {
      verdict.attempts[attempt.outcome ?? "open", default: 0] += 1
      switch attempt.outcome {
      case "done", "interrupted", "released", "lost": break
      case nil:
        if ending.status == "done" {
          verdict.violations.append("job \(ending.job) is done, but its attempt \(attempt.number) has no end")
        }
      case let outcome?:
        verdict.violations.append(
          "attempt \(attempt.number) of job \(ending.job) is '\(outcome)': \(attempt.reason ?? "no reason is given")")
      }
    }
    for (worker, number, word) in words[ending.id] ?? [] where word != "refused" {
      let recorded = ending.attempts.first { $0.number == number }?.outcome
      if recorded != word {
        verdict.violations.append(
          "\(worker) was told that attempt \(number) of job \(ending.job) is '\(word)'; on record it is "
            + "'\(recorded ?? "nothing")'")
      }
    }
  }

  /// Whether every worker came and went as it should.
  func judgeWorkers(_ verdict: inout InterruptionVerdict) {
    verdict.workers = workers.count
    if leftProcesses > 0 {
      verdict.violations.append("\(leftProcesses) programs were still running when all workers had ended")
    }
    for (name, worker) in workers.sorted(by: { $0.key < $1.key }) {
      for fault in worker.faults where fault.number > 0 { verdict.faults[fault.kind, default: 0] += 1 }
      guard let ending = worker.ending, let endedAt = worker.endedAt else {
        verdict.violations.append("\(name) has not ended")
        continue
      }
      if worker.killedAt != nil {
        if ending != .signalled(Signals.kill) && ending != .exited(0) {
          verdict.violations.append("\(name) was killed, but ended with \(ending)")
        }
      } else if worker.notice == nil {
        verdict.violations.append("\(name) ended (\(ending)), and nobody had told it to")
      } else if ending != .exited(0) {
        verdict.violations.append("\(name) was told to go and ended with \(ending)")
      }
      if let notice = worker.notice { judgeDrain(name, worker, notice, endedAt, &verdict) }
    }
  }

  private func judgeDrain(
    _ name: String, _ worker: Worker, _ notice: (number: Int, kind: FaultKind, at: Double, deadline: Double?),
    _ endedAt: Double, _ verdict: inout InterruptionVerdict
  ) {
    guard worker.isOverdue, let deadline = notice.deadline else {
      if let deadline = notice.deadline, notice.number > 0 {
        verdict.sparedSeconds.append(deadline - endedAt)
        // After a recommendation to rebalance it is some time until more is said.
        let isSaidAtOnce = notice.kind != .rebalanceThenNotice && notice.kind != .rebalanceThenLifecycle
        if isSaidAtOnce, let seen = worker.drainSeenAt { verdict.noticeDelays.append(max(0, seen - notice.at)) }
      }
      return
    }
    verdict.overdue += 1
    let late = lateness.greatest(from: notice.at, to: deadline)
    let known = worker.drainSeenAt.map { deadline - $0 } ?? 0
    // Less than this is no time to save and hand back in: the machine was too busy to tell it in time.
    let needed = 1.5 + 3 * late
    let text =
      "\(name) was still there when its time was over (\(notice.kind.rawValue), fault \(notice.number)): it knew of it "
      + "\(tenths(known)) s before"
    let isTooLate =
      late > Self.excuseSeconds && known < needed && known < deadline - notice.at - Self.pollInterval - 1
    // Nothing was left to do but to exit, which costs no work.
    let isEmpty = late > Self.exitExcuseSeconds && hasHandedBack(name, by: worker.killedAt ?? deadline)
    if isTooLate || isEmpty {
      let text = isEmpty ? text + ", and had handed everything back" : text
      verdict.remarks.append(text + "; the machine was late by up to \(tenths(late)) s")
    } else {
      verdict.violations.append(text)
    }
  }
}

extension InterruptionCheck {
  /// Whether every attempt of a worker had its end by then; those that are lost with a worker end only after it.
  private func hasHandedBack(_ name: String, by time: Double) -> Bool {
    endings.values.allSatisfy { ending in
      ending.attempts.allSatisfy { attempt in
        attempt.worker != name || (attempt.endedAt ?? .infinity) <= time
      }
    }
  }
}

/// With one digit after the point.
func tenths(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
}
