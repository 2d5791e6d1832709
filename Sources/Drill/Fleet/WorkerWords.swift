/// What a worker's log says of what it was told.
enum WorkerWords {
  static func event(_ line: LogLine, worker: String) -> HistoryEvent? {
    switch line.message {
    case "draining: no more jobs are taken": .drainSeen(worker: worker, source: line.fields["source"] ?? "")
    case "a job starts":
      attempt(line).map { .began(worker: worker, job: $0.job, attempt: $0.number) }
    case "the job was given its checkpoint":
      checkpoint(line).map { .restored(worker: worker, job: $0.job, attempt: $0.number, sequence: $0.sequence) }
    case "a checkpoint is saved":
      checkpoint(line).map { .saved(worker: worker, job: $0.job, attempt: $0.number, sequence: $0.sequence) }
    case "a job has ended": told(line, worker, line.fields["outcome"] ?? "")
    case "the outcome of a job was not accepted: its lease is lost": told(line, worker, "refused")
    default: nil
    }
  }

  private static func told(_ line: LogLine, _ worker: String, _ word: String) -> HistoryEvent? {
    attempt(line).map { .told(worker: worker, job: $0.job, attempt: $0.number, word) }
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
