import BatonShared

/// Progress bars that are redrawn in place, under the lines of what has happened.
struct LiveWatchDisplay: WatchDisplay {
  let interval = Duration.milliseconds(250)
  private let terminal: Terminal
  private var screen: WatchScreen
  private var drawn = 0

  init(_ terminal: Terminal) {
    self.terminal = terminal
    screen = WatchScreen(style: terminal.style)
  }

  mutating func show(_ jobs: [WatchedJob], at now: Instant) {
    let size = terminal.size ?? (80, 24)
    let (news, bars) = screen.lines(jobs, columns: size.columns, rows: size.rows, at: now)
    var text = ""
    // Back to the first bar, and everything from there on away; in one write, or it would flicker.
    if drawn > 0 { text += "\r\u{1B}[\(drawn)A\u{1B}[J" }
    for line in news + bars { text += line + "\n" }
    drawn = bars.count
    terminal.write(Array(text.utf8))
  }
}

/// Makes what a ``LiveWatchDisplay`` draws.
struct WatchScreen {
  let style: Style
  private var known: [JobID: WatchedJob] = [:]

  init(style: Style) { self.style = style }

  /// - Returns: lines that stay, and the lines under them that the next drawing replaces. None is wider than
  ///   `columns`, and of the latter there are fewer than `rows`.
  mutating func lines(
    _ jobs: [WatchedJob], columns: Int, rows: Int, at now: Instant
  ) -> (news: [String], bars: [String]) {
    var news: [String] = []
    for job in jobs {
      for item in JobNews.between(known.updateValue(job, forKey: job.job.id), job) {
        let line = DisplayText.printable("\(name(job.job, columns))  \(item.text)")
        // What stays may be as long as it is, except where a terminal would cut words anyhow.
        news.append(style.colour(line, item.colour))
      }
    }
    let jobs = jobs.map(\.job)
    let running = jobs.filter { $0.status == .processing }
    let waiting = jobs.filter { $0.status == .queued }
    guard !running.isEmpty || !waiting.isEmpty else { return (news, []) }
    let room = max(1, rows - 3)
    var bars = (running + waiting).prefix(room).map { bar($0, columns, now) }
    bars.append(
      style.faint(DisplayText.truncated(summary(jobs, hidden: running.count + waiting.count - room), to: columns)))
    return (news, bars)
  }

  private func bar(_ job: JobSnapshot, _ columns: Int, _ now: Instant) -> String {
    let head = DisplayText.printable("\(name(job, columns))  ")
    guard job.status == .processing else {
      let reason = job.attempt > 0 ? "queued again" : job.runAt > now ? "waits for its time" : "queued"
      return style.faint(DisplayText.truncated(head + reason, to: columns))
    }
    let cells = columns >= 100 ? 24 : 12
    let bar = ProgressBar.text(job.progress?.fraction, cells: cells)
    var tail = "  \(job.workerID ?? "")"
    if job.attempt > 1 { tail += "  attempt \(job.attempt)" }
    if let message = job.progress?.message, !message.isEmpty { tail += "  \(message)" }
    let room = columns - DisplayText.width(head) - DisplayText.width(bar)
    guard room > 0 else { return DisplayText.truncated(head + bar, to: columns) }
    return head + style.colour(bar, .cyan) + DisplayText.truncated(DisplayText.printable(tail), to: room)
  }

  /// The whole id where there is room; else its end, since ids of one moment begin alike.
  private func name(_ job: JobSnapshot, _ columns: Int) -> String {
    let id = job.id.description
    return (columns >= 110 ? id : "…" + id.suffix(12)) + "  " + job.kind
  }

  private func summary(_ jobs: [JobSnapshot], hidden: Int) -> String {
    let counts = JobStatus.allCases.compactMap { status -> String? in
      let count = jobs.count { $0.status == status }
      return count > 0 ? "\(count) \(status.rawValue)" : nil
    }
    return counts.joined(separator: " · ") + (hidden > 0 ? " · \(hidden) not shown" : "")
  }
}
