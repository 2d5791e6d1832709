import BatonShared

/// Tells in lines what happens to jobs, for logs and pipes.
struct PlainWatchDisplay: WatchDisplay {
  let interval = Duration.milliseconds(500)
  private let terminal: Terminal
  private var narrator = WatchNarrator()

  init(_ terminal: Terminal) { self.terminal = terminal }

  mutating func show(_ jobs: [WatchedJob], at now: Instant) {
    for line in narrator.lines(jobs) { terminal.line(line) }
  }
}

/// Makes the lines of a ``PlainWatchDisplay``.
struct WatchNarrator {
  private var known: [JobID: WatchedJob] = [:]

  /// What is new since the last time: each event, and progress by tenths.
  mutating func lines(_ jobs: [WatchedJob]) -> [String] {
    var lines: [String] = []
    for watched in jobs {
      let job = watched.job
      let known = known.updateValue(watched, forKey: job.id)
      let before = known?.job
      let head = "\(job.id) \(job.kind)"
      for item in JobNews.between(known, watched) { lines.append(DisplayText.printable("\(head) \(item.text)")) }
      if before == nil, job.status == .queued { lines.append("\(head) queued") }
      guard job.status == .processing, let fraction = job.progress?.fraction else { continue }
      let earlier = before?.attempt == job.attempt ? before?.progress?.fraction : nil
      if Int(fraction * 10) != earlier.map({ Int($0 * 10) }) {
        let message = job.progress?.message.map { " " + $0 } ?? ""
        lines.append(DisplayText.printable("\(head) \(Int(fraction * 100))%\(message)"))
      }
    }
    return lines
  }
}

/// Prints each job that has changed, as a JSON object on one line.
struct JSONWatchDisplay: WatchDisplay {
  let interval = Duration.milliseconds(500)
  private let terminal: Terminal
  private var known: [JobID: [UInt8]] = [:]

  init(_ terminal: Terminal) { self.terminal = terminal }

  mutating func show(_ jobs: [WatchedJob], at now: Instant) {
    for job in jobs.map(\.job) {
      let json = job.json
      if known.updateValue(json, forKey: job.id) != json { terminal.write(json + [UInt8(ascii: "\n")]) }
    }
  }
}
