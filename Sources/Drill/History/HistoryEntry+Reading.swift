import BatonJSON
import BatonShared

extension HistoryEntry: JSONDecodable {
  /// What a line of the history can hold.
  private struct Line {
    var at = 0.0
    var event = ""
    var worker = ""
    var words = ""
    var id = ""
    var source = ""
    var number = 0
    var attempt = 0
    var kind = ""
    var phase = ""
    var fault = ""
    var seconds: Double?
    var sequence = 0
    var status: Int?
    var flag = false
    var job: DrillJob?
    var run: ProgramRun?
    var ending: JobEnding?
    var text = ""
    var coordinators: [String] = []
    var workers: [String] = []
  }

  init(from reader: inout JSONReader) throws(JSONError) {
    var line = Line()
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "at": line.at = try reader.time()
      case "event": line.event = try reader.string()
      case "worker": line.worker = try reader.string()
      case "word", "words": line.words = try reader.string()
      case "id": line.id = try reader.string()
      case "source", "from": line.source = try reader.string()
      case "number", "processes": line.number = try reader.count()
      case "attempt": line.attempt = try reader.count()
      case "kind": line.kind = try reader.string()
      case "phase": line.phase = try reader.string()
      case "fault": line.fault = try reader.string()
      case "seconds", "deadline":
        line.seconds = try reader.optional { reader throws(JSONError) in try reader.time() }
      case "sequence": line.sequence = try reader.count()
      case "status": line.status = try reader.optional { reader throws(JSONError) in try reader.count() }
      case "overdue", "open", "says_when": line.flag = try reader.bool()
      case "coordinators": line.coordinators = try Self.names(&reader)
      case "workers": line.workers = try Self.names(&reader)
      case "job": line.job = try reader.value()
      case "run": line.run = try reader.value()
      case "ending":
        if reader.peekIsString { line.text = try reader.string() } else { line.ending = try reader.value() }
      default: try reader.skip()
      }
    }
    guard let event = Self.event(line) else { throw JSONError(field: "event", expected: "an event of a drill") }
    self.init(at: line.at, event: event)
  }

  private static func names(_ reader: inout JSONReader) throws(JSONError) -> [String] {
    var names: [String] = []
    try reader.array { reader throws(JSONError) in names.append(try reader.string()) }
    return names
  }

  private static func event(_ line: Line) -> HistoryEvent? {
    switch line.event {
    case "accepted": line.job.map { .accepted($0, id: line.id) }
    case "fleet": .fleet(coordinators: line.coordinators, workers: line.workers)
    case "lease": line.seconds.map { .lease(seconds: $0) }
    case "receipt": .receipt(job: line.number, id: line.id, from: line.source, sentAt: line.seconds ?? 0)
    case "given_up": .givenUp(job: line.number, reason: line.words)
    case "counted": .counted(jobs: line.number)
    case "database": .database(isThere: line.flag)
    case "transaction": .transaction(isOpen: line.flag)
    case "read":
      .read(
        job: line.number, status: line.words, attempt: line.attempt, from: line.source, sentAt: line.seconds ?? 0)
    case "refused":
      ClientAct(rawValue: line.words).map {
        .refused(
          $0, status: line.status ?? 0, from: line.source, saysWhen: line.flag, sentAt: line.seconds ?? 0)
      }
    case "given": .given(worker: line.worker, job: line.id, attempt: line.attempt)
    case "answered":
      LeaseStatus(rawValue: line.words).map {
        .answered(worker: line.worker, job: line.id, attempt: line.attempt, $0, sentAt: line.seconds ?? 0)
      }
    case "began": .began(worker: line.worker, job: line.id, attempt: line.attempt)
    case "restored":
      .restored(worker: line.worker, job: line.id, attempt: line.attempt, sequence: line.sequence)
    case "saved": .saved(worker: line.worker, job: line.id, attempt: line.attempt, sequence: line.sequence)
    case "cancel_answered": .cancelAnswered(job: line.number, answer: line.words)
    case "readiness": .readiness(coordinator: line.source, status: line.status, sentAt: line.seconds ?? 0)
    case "program_ended":
      ProgramDemand(rawValue: line.words).map { .programEnded(line.source, ProcessEnding(line.text), $0) }
    case "worker_started": .workerStarted(line.worker)
    case "worker_ready": .workerReady(line.worker)
    case "worker_ended": .workerEnded(line.worker, ProcessEnding(line.text))
    case "fault":
      FaultKind(rawValue: line.kind).map {
        .fault(number: line.number, $0, worker: line.worker, deadline: line.seconds)
      }
    case "drain_seen": .drainSeen(worker: line.worker, source: line.source)
    case "killed": .killed(worker: line.worker, isOverdue: line.flag)
    case "suspended": .suspended(worker: line.worker)
    case "resumed": .resumed(worker: line.worker)
    case "told": .told(worker: line.worker, job: line.id, attempt: line.attempt, line.words)
    case "late": .late(seconds: line.seconds ?? 0)
    case "left": .left(processes: line.number)
    case "run": line.run.map { .run($0) }
    case "ending": line.ending.map { .ending($0) }
    case "phase": phase(line).map { .phase(fault: line.fault, $0) }
    default: nil
    }
  }

  private static func phase(_ line: Line) -> FaultPhase? {
    switch line.phase {
    case "before": .before
    case "begun": .begun
    case "passed": .passed(evidence: line.words)
    case "settled": .settled
    case "over": .over
    case "skipped": .skipped(reason: line.words)
    default: nil
    }
  }
}

extension ProcessEnding {
  /// Reads what `description` has written.
  init(_ text: String) {
    let number = text.split(separator: " ").last.flatMap { Int32($0) }
    if text.hasPrefix("exit status "), let number {
      self = .exited(number)
    } else if text.hasPrefix("signal "), let number {
      self = .signalled(number)
    } else {
      self = .notStarted(text.hasPrefix("not started: ") ? String(text.dropFirst(13)) : text)
    }
  }
}

extension DrillJob: JSONDecodable {
  init(from reader: inout JSONReader) throws(JSONError) {
    self.init(index: 0, kind: .exec, steps: 1, stepSeconds: 0, checkpointEvery: 1, behaviour: .auto)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "index": index = try reader.count()
      case "kind":
        guard let known = Kind(rawValue: try reader.string()) else { throw JSONError(expected: "a kind of job") }
        kind = known
      case "steps": steps = try reader.int(in: 1...1_000_000)
      case "step_seconds": stepSeconds = try reader.time()
      case "checkpoint_every": checkpointEvery = try reader.int(in: 1...1_000_000)
      case "on_interruption":
        guard let known = InterruptionBehaviour(rawValue: try reader.string()) else {
          throw JSONError(expected: "a behaviour")
        }
        behaviour = known
      case "fate":
        guard let known = Fate(rawValue: try reader.string()) else { throw JSONError(expected: "what becomes of it") }
        fate = known
      default: try reader.skip()
      }
    }
  }
}

extension ProgramRun: JSONDecodable {
  init(from reader: inout JSONReader) throws(JSONError) {
    self.init(job: 0, attempt: 0, worker: "", first: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "job": job = try reader.count()
      case "attempt": attempt = try reader.count()
      case "worker": worker = try reader.string()
      case "first": first = try reader.optional { reader throws(JSONError) in try reader.count() }
      case "started_at": startedAt = try reader.optional { reader throws(JSONError) in try reader.time() }
      case "exact": isExact = try reader.bool()
      case "steps": steps = try reader.values()
      case "checkpoints": checkpoints = try reader.values()
      case "interrupted": interrupted = try reader.optional { reader throws(JSONError) in try reader.value() }
      case "finished_at": finishedAt = try reader.optional { reader throws(JSONError) in try reader.time() }
      default: try reader.skip()
      }
    }
  }
}

extension ProgramRun.Mark: JSONDecodable {
  init(from reader: inout JSONReader) throws(JSONError) {
    var values: [Double?] = []
    try reader.array { reader throws(JSONError) in
      values.append(try reader.optional { reader throws(JSONError) in try reader.time() })
    }
    guard values.count == 2, let number = values[0] else { throw JSONError(expected: "a step and its time") }
    self.init(number: Int(number), at: values[1])
  }
}

extension JobEnding: JSONDecodable {
  init(from reader: inout JSONReader) throws(JSONError) {
    self.init(job: 0, id: "", status: "", error: nil, attempts: [])
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "job": job = try reader.count()
      case "id": id = try reader.string()
      case "status": status = try reader.string()
      case "error": error = try reader.optional { reader throws(JSONError) in try reader.string() }
      case "attempts": attempts = try reader.values()
      default: try reader.skip()
      }
    }
  }
}

extension JobEnding.Attempt: JSONDecodable {
  init(from reader: inout JSONReader) throws(JSONError) {
    self.init(number: 0, worker: "", outcome: nil, reason: nil, startedAt: 0, endedAt: nil)
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "number": number = try reader.count()
      case "worker": worker = try reader.string()
      case "outcome": outcome = try reader.optional { reader throws(JSONError) in try reader.string() }
      case "reason": reason = try reader.optional { reader throws(JSONError) in try reader.string() }
      case "started_at": startedAt = try reader.time()
      case "ended_at": endedAt = try reader.optional { reader throws(JSONError) in try reader.time() }
      default: try reader.skip()
      }
    }
  }
}

/// A history may come from anywhere: what is no time or count of a drill is refused, so that judging it comes to an end.
extension JSONReader {
  fileprivate mutating func time() throws(JSONError) -> Double { try double(in: HistoryEntry.times) }
  fileprivate mutating func count() throws(JSONError) -> Int { try int(in: HistoryEntry.counts) }
}
