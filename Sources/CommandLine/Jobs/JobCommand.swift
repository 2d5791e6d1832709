import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared

struct JobCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Show a job and the story of its attempts.",
    discussion: "With --json, prints the job as GET /jobs/{id} shows it, with its attempts in the field 'attempts'.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The job.")
  var id: JobID

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let request = APIRequest.job(id)
    let answer = try await client.answer(to: request)
    let job = try request.answer(from: answer)
    var pages: [[UInt8]] = []
    let attempts = try await client.allAttempts(of: id) { pages.append($0) }
    if connection.json { return surroundings.show(json: try Self.merged(job: answer.body, attempts: pages)) }
    let style = surroundings.output.style
    let width = surroundings.output.size?.columns
    for line in JobDetails.lines(job, at: .now, style: style) { surroundings.output.line(line) }
    guard !attempts.isEmpty else { return }
    surroundings.output.line("")
    for line in JobDetails.story(attempts, at: .now).lines(width: width, style: style) {
      surroundings.output.line(line)
    }
  }

  /// The answers as one object, as they are, whatever fields they have.
  static func merged(job: [UInt8], attempts pages: [[UInt8]]) throws -> [UInt8] {
    do {
      let whole = try RawJSON(parsing: job).bytes
      var attempts: [[UInt8]] = []
      for page in pages {
        var reader = try JSONReader(page)
        try reader.object { key, reader throws(JSONError) in
          guard key == "attempts" else { return try reader.skip() }
          try reader.array { reader throws(JSONError) in attempts.append(try reader.raw().bytes) }
        }
      }
      guard whole.last == UInt8(ascii: "}") else { throw JSONError(expected: "an object") }
      return whole.dropLast() + Array(",\"attempts\":[".utf8) + attempts.joined(separator: [UInt8(ascii: ",")])
        + Array("]}".utf8)
    } catch let error as JSONError {
      throw ClientError.unreadable(error.description)
    }
  }
}

/// A job in full, for people.
enum JobDetails {
  static func lines(_ job: JobSnapshot, at now: Instant, style: Style) -> [String] {
    var rows: [(String, String)] = [("queue", "\(job.queue), priority \(job.priority)")]
    rows.append(("placement", "\(job.placement.rawValue), on interruption \(job.onInterruption.rawValue)"))
    if job.tags != .emptyObject { rows.append(("tags", job.tags.description)) }
    rows.append(("payload", job.payload.description))
    rows.append(("attempts", attempts(job)))
    if let timeout = job.timeoutSeconds { rows.append(("time limit", "\(Durations.text(timeout)) an attempt")) }
    if job.status != .done, let progress = job.progress {
      let bar = progress.fraction.map { ProgressBar.text($0, cells: 24) }
      rows.append(("progress", [bar, progress.message].compactMap { $0 }.joined(separator: "  ")))
    }
    if let checkpoint = job.checkpoint {
      rows.append(
        (
          "checkpoint",
          "\(checkpoint.sequence), \(checkpoint.sizeBytes) bytes of \(checkpoint.contentType), saved "
            + ago(checkpoint.savedAt, now)
        ))
    }
    if let worker = job.workerID { rows.append(("worker", worker)) }
    rows.append(("created", when(job.createdAt, now)))
    if job.status == .queued { rows.append(("runs at", when(job.runAt, now))) }
    if let started = job.startedAt { rows.append(("started", when(started, now))) }
    if let finished = job.finishedAt { rows.append(("finished", when(finished, now))) }
    if let error = job.error { rows.append(("error", "\(error.code): \(error.message)")) }
    if let result = job.result { rows.append(("result", result.description)) }
    let head =
      style.bold("\(job.id)") + "  " + DisplayText.printable(job.kind) + "  "
      + style.colour(job.status.rawValue, Style.colour(of: job.status))
    return [head]
      + rows.map { name, text in
        "  " + style.faint(DisplayText.padded(name, to: 10)) + "  " + DisplayText.printable(text)
      }
  }

  /// The attempts, a line each.
  static func story(_ attempts: [AttemptSnapshot], at now: Instant) -> Table {
    var table = Table([
      .init(heading: "ATTEMPT", right: true), .init(heading: "WORKER", shrinks: true), .init(heading: "CAPACITY"),
      .init(heading: "OUTCOME"), .init(heading: "STARTED"), .init(heading: "TOOK", right: true),
      .init(heading: "CHECKPOINT", right: true), .init(heading: "REASON", shrinks: true),
    ])
    for attempt in attempts {
      table.append(
        .init("\(attempt.attempt)"), .init(attempt.workerID), .init(attempt.capacityType.rawValue),
        .init(attempt.outcome?.rawValue ?? "running", Style.colour(of: attempt.outcome)),
        .init(attempt.startedAt.description),
        .init(Durations.text(from: attempt.startedAt, to: attempt.endedAt ?? now)),
        .init(attempt.checkpointSequence.map { "\($0)" } ?? ""), .init(attempt.reason ?? ""))
    }
    return table
  }

  private static func attempts(_ job: JobSnapshot) -> String {
    "\(job.attempt); \(job.failures) failures (of \(job.maxAttempts) allowed attempts), "
      + "\(job.interruptions) interruptions, \(job.losses) of \(job.maxLosses) losses"
  }

  private static func when(_ instant: Instant, _ now: Instant) -> String { "\(instant)  (\(ago(instant, now)))" }

  private static func ago(_ instant: Instant, _ now: Instant) -> String {
    instant > now
      ? "in \(Durations.text(from: now, to: instant))" : "\(Durations.text(from: instant, to: now)) ago"
  }
}
