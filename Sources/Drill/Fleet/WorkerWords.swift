import BatonShared

/// What a worker's log says of what it was told.
enum WorkerWords {
  /// - Parameter origin: What a history's times are counted from, in seconds since 1970.
  static func event(_ line: LogLine, worker: String, origin: Double) -> HistoryEvent? {
    switch line.message {
    case "draining: no more jobs are taken": .drainSeen(worker: worker, source: line.fields["source"] ?? "")
    case "a lease is given": attempt(line).map { .given(worker: worker, job: $0.job, attempt: $0.number) }
    case "a heartbeat is answered": answer(line, worker, origin)
    case "a job starts":
      attempt(line).map { .began(worker: worker, job: $0.job, attempt: $0.number) }
    case "the job was given its checkpoint":
      checkpoint(line).map { .restored(worker: worker, job: $0.job, attempt: $0.number, sequence: $0.sequence) }
    case "a checkpoint is saved":
      checkpoint(line).map { .saved(worker: worker, job: $0.job, attempt: $0.number, sequence: $0.sequence) }
    case "a job has ended": told(line, worker, line.fields["outcome"] ?? "")
    case "a lease is handed back": told(line, worker, "released")
    case "the outcome of a job was not accepted: its lease is lost", "a lease that was to be handed back is lost":
      told(line, worker, "refused")
    default: nil
    }
  }

  private static func told(_ line: LogLine, _ worker: String, _ word: String) -> HistoryEvent? {
    attempt(line).map { .told(worker: worker, job: $0.job, attempt: $0.number, word) }
  }

  private static func answer(_ line: LogLine, _ worker: String, _ origin: Double) -> HistoryEvent? {
    guard let (job, number) = attempt(line), let sentAt = line.fields["sent_at"].flatMap({ Double($0) }),
      let answer = line.fields["answer"].flatMap({ LeaseStatus(rawValue: $0) })
    else { return nil }
    return .answered(worker: worker, job: job, attempt: number, answer, sentAt: sentAt - origin)
  }

  private static func checkpoint(_ line: LogLine) -> (job: String, number: Int, sequence: Int)? {
    guard let (job, number) = attempt(line), let sequence = line.fields["sequence"].flatMap({ Int($0) }) else {
      return nil
    }
    return (job, number, sequence)
  }

  private static func attempt(_ line: LogLine) -> (job: String, number: Int)? {
    guard let job = line.fields["job"], let number = line.fields["attempt"].flatMap({ Int($0) }) else { return nil }
    return (job, number)
  }
}
