import BatonShared

/// A job with what is known of its attempts.
struct WatchedJob: Sendable {
  var job: JobSnapshot
  /// Oldest first; empty as long as there is no more to say than the job itself does.
  var attempts: [AttemptSnapshot] = []

  /// Whether the attempts have to be asked for, to tell the story right.
  ///
  /// The job alone would not do: when two looks are far apart, its newest checkpoint may be the next attempt's already.
  static func needsAttempts(_ job: JobSnapshot, before: JobSnapshot?) -> Bool {
    guard job.attempt > 1 || job.failures + job.interruptions + job.losses > 0 else { return false }
    guard let before else { return true }
    return before.attempt != job.attempt || before.status != job.status || before.failures != job.failures
      || before.interruptions != job.interruptions || before.losses != job.losses
  }
}

/// What happened to a job between two looks at it, in words.
enum JobNews {
  struct Item: Equatable {
    var text: String
    var colour: Style.Colour?
  }

  /// - Parameter before: The job at the last look; nil at the first.
  static func between(_ before: WatchedJob?, _ now: WatchedJob) -> [Item] {
    var news = story(before, now)
    if now.attempts.isEmpty, now.job.status == .processing, before?.job.status != .processing {
      news.append(started(now.job.attempt, now.job.workerID ?? "a worker", from: nil))
    }
    if now.job.status.isFinished, before?.job.status != now.job.status {
      news.append(Item(text: ending(now.job), colour: Style.colour(of: now.job.status)))
    }
    return news
  }

  private static func story(_ before: WatchedJob?, _ now: WatchedJob) -> [Item] {
    var news: [Item] = []
    let told = before?.job.attempt ?? 0
    for (index, attempt) in now.attempts.enumerated() {
      let isLast = index == now.attempts.count - 1
      // What was before the first look is history; how a finished job ended is told by itself.
      if before == nil && attempt.outcome != nil || isLast && now.job.status.isFinished { continue }
      let isNew = attempt.attempt > told
      if isNew {
        let from = index > 0 ? now.attempts[index - 1].checkpointSequence : nil
        news.append(started(attempt.attempt, attempt.workerID, from: from))
      }
      let wasOpen = isNew || attempt.attempt == told && before?.job.status == .processing
      if let outcome = attempt.outcome, wasOpen { news.append(ended(attempt, outcome)) }
    }
    return news
  }

  private static func started(_ number: Int, _ worker: String, from checkpoint: Int?) -> Item {
    Item(text: "attempt \(number) on \(worker)" + (checkpoint.map { " from checkpoint \($0)" } ?? ""), colour: .cyan)
  }

  /// An attempt after which the job goes on.
  private static func ended(_ attempt: AttemptSnapshot, _ outcome: AttemptOutcome) -> Item {
    var text =
      switch outcome {
      case .lost: "lost with \(attempt.workerID)"
      case .timedOut: "timed out on \(attempt.workerID)"
      default: "\(outcome.rawValue) on \(attempt.workerID)"
      }
    if let reason = attempt.reason, !reason.isEmpty { text += " (\(reason))" }
    if let checkpoint = attempt.checkpointSequence { text += ", checkpoint \(checkpoint) is kept" }
    return Item(text: text, colour: Style.colour(of: outcome))
  }

  /// How a finished job ended.
  static func ending(_ job: JobSnapshot) -> String {
    var text = job.status.rawValue
    if let started = job.startedAt, let finished = job.finishedAt {
      text += " in \(Durations.text(from: started, to: finished))"
    }
    if let worker = job.workerID { text += " on \(worker)" }
    if job.attempt > 1 { text += ", attempt \(job.attempt)" }
    if job.status == .failed, let error = job.error { text += ": \(error.code): \(error.message)" }
    return text
  }
}
