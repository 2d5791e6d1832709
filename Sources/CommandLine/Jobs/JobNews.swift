import BatonShared

/// What happened to a job between two looks at it, in words.
enum JobNews {
  struct Item: Equatable {
    var text: String
    var colour: Style.Colour?
  }

  /// - Parameter before: The job at the last look; nil at the first.
  static func between(_ before: JobSnapshot?, _ now: JobSnapshot) -> [Item] {
    var news: [Item] = []
    let kept = now.checkpoint.map { ", checkpoint \($0.sequence) is kept" } ?? ", without a checkpoint"
    if let before {
      let worker = before.workerID ?? "its worker"
      if now.interruptions > before.interruptions {
        news.append(Item(text: "interrupted on \(worker)\(kept)", colour: .yellow))
      }
      if now.losses > before.losses {
        news.append(Item(text: "lost with \(worker)\(kept)", colour: .yellow))
      }
      if now.failures > before.failures, !now.status.isFinished {
        news.append(Item(text: "failed on \(worker), will be tried again\(kept)", colour: .red))
      }
    }
    if now.status == .processing, before?.status != .processing || now.attempt != before?.attempt {
      let start = now.checkpoint.map { " from checkpoint \($0.sequence)" } ?? ""
      news.append(Item(text: "attempt \(now.attempt) on \(now.workerID ?? "a worker")\(start)", colour: .cyan))
    }
    if now.status.isFinished, before?.status != now.status {
      news.append(Item(text: ending(now), colour: Style.colour(of: now.status)))
    }
    return news
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
