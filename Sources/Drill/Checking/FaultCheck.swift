/// Judges the history of a fault drill. A pure function of the history.
struct FaultCheck: Sendable {
  /// The rate is measured over so many seconds to see when it is back.
  static let window = 2.0
  /// Back at the former rate is what reaches this part of it.
  static let share = 0.95
  /// A machine that was late by more than this, just then, excuses slowness, in seconds.
  static let excuseSeconds = 1.0

  /// A fault, and the time before and after it. One may lie within another.
  struct Window {
    let fault: any Fault
    var before: Double
    var begun: Double?
    var passed: Double?
    var evidence = ""
    var settled: Double?
    var over: Double?
    var skipped: String?
    /// When there was no more to be seen of it.
    var end = Double.infinity
  }

  let base: InterruptionCheck
  /// In the order of time.
  let history: [HistoryEntry]
  let faults: [any Fault]
  let forgivesSlowness: Bool
  /// When workers were told that a job of the steady load is done.
  let dones: [Double]
  /// When jobs were accepted.
  var accepted: [Int: Double] { base.acceptedAt }
  /// When those of the steady load were.
  let coming: [Double]
  /// What was answered to the cancellation of a job, and when.
  let cancellations: [Int: (at: Double, answer: String)]
  /// What clients read of each job, in the order of the answers.
  let reads: [Int: [Read]]
  /// What is to be there after each fault; nil in a history that does not tell.
  let parts: [String]?

  /// - Parameter forgivesSlowness: Whether a recovery that took too long, but came, is a remark only: where the drill is one
  ///   of many things that a machine does, its speed says nothing.
  init(history: [HistoryEntry], faults: [any Fault], forgivesSlowness: Bool = false) {
    self.history = history.sorted { $0.at < $1.at }
    self.faults = faults
    self.forgivesSlowness = forgivesSlowness
    base = InterruptionCheck(history: history)
    let others = base.jobs.values.filter { $0.fate != .done }
    let otherIDs = Set(others.compactMap { [ids = base.ids] in ids[$0.index] })
    dones = self.history.compactMap { entry in
      guard case .told(_, let id, _, "done") = entry.event, !otherIDs.contains(id) else { return nil }
      return entry.at
    }
    let otherNumbers = Set(others.map(\.index))
    coming = base.acceptedAt.compactMap { otherNumbers.contains($0.key) ? nil : $0.value }
    cancellations = history.reduce(into: [:]) { answers, entry in
      if case .cancelAnswered(let job, let answer) = entry.event { answers[job] = (entry.at, answer) }
    }
    reads = self.history.reduce(into: [:]) { reads, entry in
      guard case .read(let job, let status, let attempt, let part, let sentAt) = entry.event else { return }
      reads[job, default: []].append(
        Read(status: status, attempt: attempt, part: part, sentAt: sentAt, at: entry.at))
    }
    parts = history.lazy.compactMap(\.event.parts).first
  }

  func verdict() -> FaultVerdict {
    var verdict = FaultVerdict()
    verdict.lateness = base.lateness.greatest
    let windows = windows()
    var judged: [(at: Double, jobs: FaultVerdict.Jobs)] = []
    for (index, at) in accepted.sorted(by: { $0.key < $1.key }) {
      let jobs = judge(index, windows, &verdict)
      verdict.jobs.add(jobs)
      judged.append((at, jobs))
    }
    judgeSubmissions(&verdict)
    judgeReadiness(windows, &verdict)
    judgeRefusals(&verdict)
    judgeEnds(&verdict)
    let hindered = hindrances(windows)
    let reaping = base.judgeReaping(except: hindered)
    verdict.reapings = reaping.delays
    verdict.violations +=
      reaping.violations + base.judgePrecedence(except: hindered, patience: InterruptionCheck.overtakenElsewhereSeconds)
    for window in windows {
      var jobs = FaultVerdict.Jobs()
      for (at, job) in judged where at >= window.before && at < window.end { jobs.add(job) }
      verdict.rows.append(row(window, among: windows, jobs, &verdict))
    }
    // What cannot be had here is left out; but a drill of nothing else has shown nothing.
    if !windows.isEmpty, windows.allSatisfy({ $0.skipped != nil }) {
      verdict.violations.append("nothing was tested: no fault could be had")
    }
    for fault in faults where !windows.contains(where: { $0.fault.name == fault.name }) {
      verdict.violations.append("\(fault.name) was never begun")
    }
    if parts == nil {
      verdict.remarks.append(
        "the history does not tell which parts the fleet has: whether each came back is not judged")
    }
    return verdict
  }

  private func windows() -> [Window] {
    var windows: [Window] = []
    for entry in history {
      guard case .phase(let name, let phase) = entry.event, let fault = faults.first(where: { $0.name == name }) else {
        continue
      }
      if phase == .before { windows.append(Window(fault: fault, before: entry.at)) }
      guard let index = windows.lastIndex(where: { $0.fault.name == name }) else { continue }
      switch phase {
      case .before: break
      case .begun: windows[index].begun = entry.at
      case .passed(let evidence):
        windows[index].passed = entry.at
        windows[index].evidence = evidence
      case .settled: windows[index].settled = entry.at
      case .over:
        windows[index].over = entry.at
        windows[index].end = entry.at
      case .skipped(let reason):
        windows[index].skipped = reason
        windows[index].end = entry.at
      }
    }
    return windows
  }

  /// Whether the programs of the fleet ended as the drill had asked, and at no other time.
  private func judgeEnds(_ verdict: inout FaultVerdict) {
    for entry in history {
      if case .programEnded(let program, let ending, let demand) = entry.event {
        verdict.ends.take(program, ending, demand)
      }
    }
    verdict.violations += verdict.ends.violations
    verdict.remarks += verdict.ends.remarks
  }

  /// When coordinators or their database may be away, or have just come back.
  private func hindrances(_ windows: [Window]) -> [ClosedRange<Double>] {
    windows.compactMap { window in
      guard !window.fault.sparesCoordinators, let begun = window.begun else { return nil }
      return begun...max(begun, window.settled ?? window.end)
    }
  }

  // MARK: Jobs

  /// Whether a job that was accepted came to exactly one good end.
  private func judge(_ index: Int, _ windows: [Window], _ verdict: inout FaultVerdict) -> FaultVerdict.Jobs {
    var jobs = FaultVerdict.Jobs()
    jobs.accepted = 1
    guard let ending = base.endings[index] else {
      jobs.lost = 1
      verdict.violations.append("job \(index) is lost: nothing is known of it in the end")
      return jobs
    }
    let fate = base.jobs[index]?.fate ?? .done
    switch (ending.status, fate) {
    case ("done", _): jobs.done = 1
    case ("failed", .fails): jobs.failedAsMeant = 1
    case ("cancelled", .cancelled): jobs.cancelled = 1
    case ("failed", _), ("cancelled", _):
      jobs.failed = 1
      verdict.violations.append("job \(index) is \(ending.status)")
    default:
      jobs.lost = 1
      verdict.violations.append("job \(index) is lost: it is '\(ending.status)' in the end")
    }
    if jobs.lost == 0 { judgeFate(fate, ending, windows, &verdict) }
    let recorded = ending.attempts.filter { $0.outcome == "done" }.map(\.number)
    let told = Set((base.words[ending.id] ?? []).filter { $0.word == "done" }.map(\.attempt))
    if recorded.count > 1 || told.count > 1 || !told.isSubset(of: recorded) {
      jobs.doubleSettled = 1
      verdict.violations.append(
        "job \(index) was settled as done in the attempts \(recorded) by the record, and in \(told.sorted()) by what "
          + "workers were told")
    } else if ending.status == "done", recorded.isEmpty {
      verdict.violations.append("job \(index) is done, but none of its attempts is")
    }
    for attempt in ending.attempts {
      verdict.attempts[attempt.outcome ?? "open", default: 0] += 1
      let isGood = ["done", "interrupted", "released", "lost"].contains(attempt.outcome)
      if !isGood, !isMeant(attempt, fate), !mayFail(attempt, windows) {
        verdict.violations.append(
          "attempt \(attempt.number) of job \(index) is '\(attempt.outcome ?? "open")' in the end")
      }
    }
    for (worker, number, word) in base.words[ending.id] ?? [] where word != "refused" && word != "done" {
      let outcome = ending.attempts.first { $0.number == number }?.outcome
      guard outcome != word else { continue }
      verdict.violations.append(
        "\(worker) was told that attempt \(number) of job \(index) is '\(word)'; on record it is '\(outcome ?? "open")'"
      )
    }
    verdict.violations += base.judgeLeases(ending)
    verdict.leases.add(base.leases[ending.id])
    judgeReads(ending, &verdict)
    judgeWork(index, ending, &verdict)
    judgeStarts(index, &verdict)
    return jobs
  }

  func mayFail(_ attempt: JobEnding.Attempt, _ windows: [Window]) -> Bool {
    guard attempt.outcome == "failed", let end = attempt.endedAt else { return false }
    return windows.contains { window in
      window.fault.failsAttempts && end >= window.begun ?? .infinity && end <= window.over ?? .infinity
    }
  }

  /// Whether each attempt at a job began where those before it had got to.
  private func judgeStarts(_ index: Int, _ verdict: inout FaultVerdict) {
    verdict.violations += base.judgeCheckpoints(index)
    if let id = base.ids[index], let told = base.checkpoints[id] {
      verdict.checkpoints += told.acknowledged.count
      verdict.resumptions += told.given.values.count { $0 > 0 }
    }
    guard let job = base.jobs[index] else { return }
    var start = StartingPoint()
    for run in base.runs[index] ?? [] {
      verdict.violations += start.judge(run, of: job)
      // The kind `steps` says that it has saved when that has been acknowledged. When a program's file was, only the
      // sequences tell.
      guard !run.isExact else { continue }
      for mark in run.checkpoints + [run.interrupted].compactMap({ $0 }) { start.save(mark.number) }
    }
  }

  /// Whether the program of a job was worked from its first step to its last, and by one at a time.
  private func judgeWork(_ index: Int, _ ending: JobEnding, _ verdict: inout FaultVerdict) {
    guard let job = base.jobs[index], job.kind == .exec else { return }
    let runs = base.runs[index] ?? []
    if ending.status == "done" {
      let executed = Set(runs.flatMap { $0.steps.map(\.number) })
      if let missing = (1...job.steps).first(where: { !executed.contains($0) }) {
        verdict.violations.append("job \(index) is done, but its step \(missing) was never executed")
      }
    }
    for (run, next) in zip(runs, runs.dropFirst()) {
      guard let start = next.startedAt, let last = run.steps.last?.at, last > start else { continue }
      let woke = base.workers[run.worker]?.suspensions.last { $0.until <= last }?.until
      if let woke, last <= woke + 1 + 3 * base.lateness.greatest(from: last - 5, to: last) { continue }
      verdict.violations.append(
        "attempts \(run.attempt) and \(next.attempt) of job \(index) worked at the same time, for "
          + "\(tenths(last - start)) s")
    }
  }

  // MARK: Submissions

  /// Whether every submission was answered, and a key made one job, whichever coordinator was asked.
  private func judgeSubmissions(_ verdict: inout FaultVerdict) {
    var ids: [Int: [String]] = [:]
    var counted: Int?
    var givenUp: Set<Int> = []
    for entry in history {
      switch entry.event {
      case .receipt(let job, let id, _, _): ids[job, default: []].append(id)
      case .givenUp(let job, let reason):
        givenUp.insert(job)
        verdict.violations.append("submission \(job) had no answer to the end: \(reason)")
      case .counted(let jobs): counted = jobs
      default: break
      }
    }
    verdict.repeated = ids.values.count { $0.count > 1 }
    for (job, ids) in ids.sorted(by: { $0.key < $1.key }) {
      let all = Set(ids + [base.ids[job]].compactMap { $0 })
      guard all.count > 1 else { continue }
      verdict.violations.append(
        "submission \(job) was made with one key, and is the jobs \(all.sorted().joined(separator: ", "))")
    }
    // What was given up may be a job all the same.
    let most = accepted.count + givenUp.subtracting(accepted.keys).count
    if let counted, counted > most {
      verdict.violations.append("the database holds \(counted) jobs, and only \(most) were submitted")
    } else if counted == nil, parts != nil {
      verdict.violations.append("nobody counted the jobs in the end")
    }
  }
}
