/// What a coordinator's return to a thousand waiting workers looked like.
public struct HerdVerdict: DrillVerdict {
  /// A request that somebody made meanwhile, and how it fared. Times are seconds since the drill's start.
  struct Sample: Sendable, Equatable {
    var sentAt: Double
    var seconds: Double
    /// Whether it was answered with success.
    var isGood: Bool
  }

  /// What was seen.
  struct Record: Sendable {
    var workers = 0
    /// When the coordinator was killed, when it was started again, and when it listened again.
    var killedAt = 0.0
    var startedAt = 0.0
    var listeningAt: Double?
    /// When all workers waited for work again.
    var waitingAt: Double?
    var samples: [Sample] = []
    /// Megabytes: of the first coordinator while all waited, and the most that the second one ever had.
    var megabytesBefore: Double?
    var megabytesPeak: Double?
    /// Whether this system shows what a process has in memory.
    var showsMemory = true
    /// Jobs that were submitted at the end, one for each worker, how many of them were done, and after how many seconds.
    var jobs = 0
    var done = 0
    var doneSeconds = 0.0
    /// How late the machine was, and when.
    var late: [(at: Double, seconds: Double)] = []
  }

  /// Within so many seconds of listening a coordinator has all its workers back.
  static let gathering = 10.0
  /// No answer takes longer than this, in seconds: health checks of load balancers wait for five. A new connection waits
  /// until those before it have been taken in, and of those there are a thousand within two seconds.
  static let slowest = 2.0
  /// The most memory, in megabytes.
  static let megabytes = 300.0

  let record: Record
  let calm: Answers
  let back: Answers
  public private(set) var violations: [String] = []
  public private(set) var remarks: [String] = []

  /// The answers of some time.
  struct Answers: Sendable, Equatable {
    var count = 0
    var failed = 0
    var median = 0.0
    var worst = 0.0

    init(_ samples: [Sample]) {
      let good = samples.filter(\.isGood).map(\.seconds).sorted()
      count = samples.count
      failed = samples.count - good.count
      median = good.isEmpty ? 0 : good[good.count / 2]
      worst = good.last ?? 0
    }
  }

  /// Judges what was seen; asks nobody.
  init(_ record: Record) {
    self.record = record
    calm = Answers(record.samples.filter { $0.sentAt + $0.seconds < record.killedAt })
    let listening = record.listeningAt ?? .infinity
    back = Answers(record.samples.filter { $0.sentAt >= listening })
    guard record.listeningAt != nil else {
      violations.append("the coordinator did not listen again")
      return
    }
    let late = record.late.reduce(0) { $1.at >= listening ? max($0, $1.seconds) : $0 }
    func find(_ text: String) {
      if late > FaultCheck.excuseSeconds {
        remarks.append(text + "; the machine was late by up to \(tenths(late)) s")
      } else {
        violations.append(text)
      }
    }
    if let waitingAt = record.waitingAt {
      if waitingAt - listening > Self.gathering {
        find("it took \(tenths(waitingAt - listening)) s until all workers waited again, not \(tenths(Self.gathering))")
      }
    } else {
      violations.append("not all workers came back")
    }
    if back.count == 0 { violations.append("nobody asked for anything after the return") }
    if back.failed > 0 {
      find("\(back.failed) of \(back.count) requests after the return were not answered with success")
    }
    if back.worst > Self.slowest { find("an answer after the return took \(tenths(back.worst)) s") }
    if let peak = record.megabytesPeak {
      if peak > Self.megabytes { violations.append("the coordinator took \(Int(peak)) MB") }
    } else if record.showsMemory {
      violations.append("nobody knows how much memory the coordinator took")
    } else {
      remarks.append("this system does not show how much memory the coordinator took: that is not judged")
    }
    if record.done < record.jobs {
      violations.append("\(record.jobs - record.done) of \(record.jobs) jobs were not done")
    }
  }

  public func report() -> [String] {
    func milliseconds(_ seconds: Double) -> String { tenths(seconds * 1000) }
    var table = TextTable("answers to others", "count", "failed", "median ms", "worst ms")
    for (name, answers) in [("while all workers wait", calm), ("after the return", back)] {
      table.append(
        name, "\(answers.count)", "\(answers.failed)", milliseconds(answers.median), milliseconds(answers.worst))
    }
    let listening = record.listeningAt ?? record.startedAt
    var lines = table.lines
    lines += [
      "",
      "\(record.workers) workers waited for work; their coordinator was killed, and was away for "
        + "\(tenths(record.startedAt - record.killedAt)) s. It listened \(tenths(listening - record.startedAt)) s after its "
        + "start, and all workers waited again "
        + (record.waitingAt.map { "\(tenths($0 - listening)) s after that" } ?? "never") + ".",
      "\(record.done) of \(record.jobs) jobs, one for each, were done within \(tenths(record.doneSeconds)) s.",
    ]
    if let before = record.megabytesBefore, let peak = record.megabytesPeak {
      lines.append("The coordinator had \(Int(before)) MB while all waited, and at most \(Int(peak)) after the return.")
    }
    lines.append("The machine was late by up to \(tenths(record.late.map(\.seconds).max() ?? 0)) s.")
    for (title, texts) in [("Remarks", remarks), ("VIOLATIONS", violations)] where !texts.isEmpty {
      lines += ["", "\(title):"] + texts.map { "- \($0)" }
    }
    return lines
  }
}
