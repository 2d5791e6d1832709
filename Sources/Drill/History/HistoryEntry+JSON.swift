import BatonJSON

extension HistoryEntry: JSONEncodable {
  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("at", (at * 1000).rounded() / 1000)
      switch event {
      case .accepted(let job, let id):
        writer.field("event", "accepted")
        writer.field("id", id)
        writer.field("job", job)
      case .fleet(let coordinators, let workers):
        writer.field("event", "fleet")
        Self.write("coordinators", names: coordinators, to: &writer)
        Self.write("workers", names: workers, to: &writer)
      case .lease(let seconds):
        writer.field("event", "lease")
        writer.field("seconds", seconds)
      case .receipt(let job, let id, let part, let sentAt):
        writer.field("event", "receipt")
        writer.field("number", job)
        writer.field("id", id)
        writer.field("from", part)
        writer.field("seconds", (sentAt * 1000).rounded() / 1000)
      case .givenUp(let job, let reason):
        writer.field("event", "given_up")
        writer.field("number", job)
        writer.field("words", reason)
      case .counted(let jobs):
        writer.field("event", "counted")
        writer.field("number", jobs)
      case .database(let isThere):
        writer.field("event", "database")
        writer.field("open", isThere)
      case .transaction(let isOpen):
        writer.field("event", "transaction")
        writer.field("open", isOpen)
      case .read(let job, let status, let attempt, let part, let sentAt):
        writer.field("event", "read")
        writer.field("number", job)
        writer.field("words", status)
        writer.field("attempt", attempt)
        writer.field("from", part)
        writer.field("seconds", (sentAt * 1000).rounded() / 1000)
      case .refused(let act, let status, let part, let saysWhen, let sentAt):
        writer.field("event", "refused")
        writer.field("words", act.rawValue)
        writer.field("status", status)
        writer.field("from", part)
        writer.field("says_when", saysWhen)
        writer.field("seconds", (sentAt * 1000).rounded() / 1000)
      case .given(let worker, let job, let attempt):
        Self.write("given", worker, to: &writer)
        writer.field("id", job)
        writer.field("attempt", attempt)
      case .answered(let worker, let job, let attempt, let answer, let sentAt):
        Self.write("answered", worker, to: &writer)
        writer.field("id", job)
        writer.field("attempt", attempt)
        writer.field("word", answer.rawValue)
        // Never later than it was.
        writer.field("seconds", (sentAt * 1000).rounded(.down) / 1000)
      case .began(let worker, let job, let attempt):
        Self.write("began", worker, to: &writer)
        writer.field("id", job)
        writer.field("attempt", attempt)
      case .restored(let worker, let job, let attempt, let sequence):
        Self.write("restored", worker, to: &writer)
        writer.field("id", job)
        writer.field("attempt", attempt)
        writer.field("sequence", sequence)
      case .saved(let worker, let job, let attempt, let sequence):
        Self.write("saved", worker, to: &writer)
        writer.field("id", job)
        writer.field("attempt", attempt)
        writer.field("sequence", sequence)
      case .cancelAnswered(let job, let answer):
        writer.field("event", "cancel_answered")
        writer.field("number", job)
        writer.field("words", answer)
      case .readiness(let coordinator, let status, let sentAt):
        writer.field("event", "readiness")
        writer.field("from", coordinator)
        writer.field("status", status)
        writer.field("seconds", (sentAt * 1000).rounded() / 1000)
      case .programEnded(let program, let ending, let demand):
        writer.field("event", "program_ended")
        writer.field("from", program)
        writer.field("ending", ending.description)
        writer.field("words", demand.rawValue)
      case .workerStarted(let worker): Self.write("worker_started", worker, to: &writer)
      case .workerReady(let worker): Self.write("worker_ready", worker, to: &writer)
      case .workerEnded(let worker, let ending):
        Self.write("worker_ended", worker, to: &writer)
        writer.field("ending", ending.description)
      case .fault(let number, let kind, let worker, let deadline):
        Self.write("fault", worker, to: &writer)
        writer.field("number", number)
        writer.field("kind", kind.rawValue)
        writer.field("deadline", deadline)
      case .drainSeen(let worker, let source):
        Self.write("drain_seen", worker, to: &writer)
        writer.field("source", source)
      case .killed(let worker, let isOverdue):
        Self.write("killed", worker, to: &writer)
        writer.field("overdue", isOverdue)
      case .suspended(let worker): Self.write("suspended", worker, to: &writer)
      case .resumed(let worker): Self.write("resumed", worker, to: &writer)
      case .told(let worker, let job, let attempt, let word):
        Self.write("told", worker, to: &writer)
        writer.field("id", job)
        writer.field("attempt", attempt)
        writer.field("word", word)
      case .late(let seconds):
        writer.field("event", "late")
        writer.field("seconds", seconds)
      case .left(let processes):
        writer.field("event", "left")
        writer.field("processes", processes)
      case .run(let run):
        writer.field("event", "run")
        writer.field("run", run)
      case .phase(let fault, let phase):
        writer.field("event", "phase")
        writer.field("fault", fault)
        switch phase {
        case .before: writer.field("phase", "before")
        case .begun: writer.field("phase", "begun")
        case .passed(let evidence):
          writer.field("phase", "passed")
          writer.field("words", evidence)
        case .settled: writer.field("phase", "settled")
        case .over: writer.field("phase", "over")
        case .skipped(let reason):
          writer.field("phase", "skipped")
          writer.field("words", reason)
        }
      case .ending(let ending):
        writer.field("event", "ending")
        writer.field("ending", ending)
      }
    }
  }

  private static func write(_ event: String, _ worker: String, to writer: inout JSONWriter) {
    writer.field("event", event)
    writer.field("worker", worker)
  }

  private static func write(_ key: String, names: [String], to writer: inout JSONWriter) {
    writer.key(key)
    writer.array { writer in for name in names { writer.value(name) } }
  }
}

extension JobEnding: JSONEncodable {
  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("job", job)
      writer.field("id", id)
      writer.field("status", status)
      writer.field("error", error)
      writer.field("attempts", attempts)
    }
  }
}

extension JobEnding.Attempt: JSONEncodable {
  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("number", number)
      writer.field("worker", worker)
      writer.field("outcome", outcome)
      writer.field("reason", reason)
      writer.field("started_at", startedAt)
      writer.field("ended_at", endedAt)
    }
  }
}
