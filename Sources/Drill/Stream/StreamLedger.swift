import BatonShared

/// What is known of each job, in a few bytes: the receipts, what workers were told, and what the database says in the end,
/// in whatever order they come.
struct StreamLedger: Sendable {
  enum Status: UInt8, Sendable {
    case missing
    case done
    case failed
    case cancelled
    /// Queued, or processing.
    case unfinished

    init(_ word: String) {
      self =
        switch word {
        case "done": .done
        case "failed": .failed
        case "cancelled": .cancelled
        default: .unfinished
        }
    }
  }

  /// One job. Small, because there are a million.
  private struct Entry {
    var receipts: UInt8 = 0
    var status = Status.missing
    var open: UInt8 = 0
    var recorded: UInt8 = 0
    var recordedAttempt: UInt16 = 0
    var told: UInt8 = 0
    var toldAttempt: UInt16 = 0
  }

  struct Counts: Sendable, Equatable {
    /// Jobs in receipts.
    var accepted = 0
    /// Jobs that are there without a receipt: of submissions whose answer was lost.
    var beyond = 0
    var done = 0
    var failed = 0
    var lost = 0
    var doubleSettled = 0
    var attempts = 0
  }

  private var entries: [JobID: Entry] = [:]
  private var attempts = 0

  mutating func reserve(_ jobs: Int) { entries.reserveCapacity(jobs) }

  mutating func accept(_ ids: [JobID]) {
    for id in ids { entries[id, default: Entry()].receipts.increase() }
  }

  /// A worker was told that this attempt is done.
  mutating func tell(_ id: JobID, done attempt: Int) {
    let attempt = UInt16(clamping: attempt)
    // Being told the same again is no second settlement.
    if entries[id]?.told ?? 0 > 0, entries[id]?.toldAttempt == attempt { return }
    entries[id, default: Entry()].told.increase()
    entries[id]?.toldAttempt = attempt
  }

  mutating func end(_ ending: StreamEnding) {
    attempts += ending.attempts
    entries[ending.id, default: Entry()].status = Status(ending.status)
    entries[ending.id]?.open = UInt8(clamping: ending.open)
    entries[ending.id]?.recorded = UInt8(clamping: ending.done.count)
    entries[ending.id]?.recordedAttempt = UInt16(clamping: ending.done.first ?? 0)
  }

  /// Looks at every job.
  /// - Returns: The counts, and what must not be: kinds of findings with how often and some ids.
  func judge() -> (Counts, [Finding]) {
    var counts = Counts()
    counts.attempts = attempts
    var findings = Findings()
    for (id, entry) in entries {
      if entry.receipts > 0 { counts.accepted += 1 } else { counts.beyond += 1 }
      if entry.receipts > 1 { findings.add("stands in two receipts", id) }
      switch entry.status {
      case .done: counts.done += 1
      case .missing:
        counts.lost += 1
        findings.add("is lost: the database knows nothing of it", id)
        continue
      case .failed, .cancelled:
        counts.failed += 1
        findings.add("has failed or was cancelled", id)
      case .unfinished:
        counts.lost += 1
        findings.add("is lost: it has not come to an end", id)
      }
      if entry.open > 0 { findings.add("has an attempt without an outcome", id) }
      if entry.recorded > 1 || entry.told > 1 || entry.told > 0 && entry.recordedAttempt != entry.toldAttempt {
        counts.doubleSettled += 1
        findings.add("was settled more than once, or otherwise than its worker was told", id)
      } else if entry.status == .done, entry.recorded == 0 {
        findings.add("is done, but none of its attempts is", id)
      }
    }
    return (counts, findings.sorted)
  }

  /// Something that must not be, and how many jobs it is true of.
  struct Finding: Sendable, Equatable {
    var words: String
    var count: Int
    /// Some of them.
    var examples: [JobID]
  }

  private struct Findings {
    private var found: [String: Finding] = [:]

    mutating func add(_ words: String, _ id: JobID) {
      found[words, default: Finding(words: words, count: 0, examples: [])].count += 1
      if found[words]?.examples.count ?? 0 < 3 { found[words]?.examples.append(id) }
    }

    var sorted: [Finding] { found.values.sorted { $0.words < $1.words } }
  }
}

extension UInt8 {
  /// Never beyond what it can hold: more than one is all that matters.
  fileprivate mutating func increase() { if self < .max { self += 1 } }
}
