/// What a worker's log says of what it was told.
enum WorkerWords {
  static func event(_ line: LogLine, worker: String) -> HistoryEvent? {
    switch line.message {
    case "draining: no more jobs are taken": .drainSeen(worker: worker, source: line.fields["source"] ?? "")
    case "a job has ended": told(line, worker, line.fields["outcome"] ?? "")
    case "the outcome of a job was not accepted: its lease is lost": told(line, worker, "refused")
    default: nil
    }
  }

  private static func told(_ line: LogLine, _ worker: String, _ word: String) -> HistoryEvent? {
    guard let job = line.fields["job"], let attempt = line.fields["attempt"].flatMap({ Int($0) }) else { return nil }
    return .told(worker: worker, job: job, attempt: attempt, word)
  }
}
