/// Reads what the worker's built-in kind `steps` says in a job's log.
///
/// The end of a killed worker's log is lost, and single steps are not in it. So these runs tell where attempts began and
/// what they had saved, but not how far they had come.
enum StepsLog {
  static func run(in text: String, job: DrillJob, attempt: JobEnding.Attempt) -> ProgramRun {
    var run = ProgramRun(
      job: job.index, attempt: attempt.number, worker: attempt.worker, first: nil, startedAt: attempt.startedAt,
      isExact: false)
    for line in text.split(separator: "\n") {
      if let step = number(in: line, after: "going on at step ") { run.first = step + 1 }
      if let step = number(in: line, after: "checkpoint at step ") {
        run.checkpoints.append(.init(number: step, at: nil))
      }
      if let step = number(in: line, after: "interrupted at step ") { run.interrupted = .init(number: step, at: nil) }
    }
    // Nothing is said of a beginning at the beginning.
    if run.first == nil, attempt.number == 1 { run.first = 1 }
    if attempt.outcome == "done" { run.finishedAt = attempt.endedAt }
    return run
  }

  private static func number(in line: Substring, after words: String) -> Int? {
    guard line.hasPrefix(words) else { return nil }
    // No job of a drill has more steps than this.
    guard let number = Int(line.dropFirst(words.count).prefix { $0.isNumber }), HistoryEntry.counts.contains(number)
    else { return nil }
    return number
  }
}
