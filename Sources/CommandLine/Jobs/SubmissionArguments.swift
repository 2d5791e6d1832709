import ArgumentParser
import BatonJSON
import BatonShared

/// A job as it is described on the command line.
struct SubmissionArguments: ParsableArguments, Sendable {
  @Option(help: ArgumentHelp("The job's payload: a JSON text, @FILE, or - for standard input.", valueName: "json"))
  var payload: String?

  @Option(help: "The queue to put it into (default: default).")
  var queue: String?

  @Option(parsing: .unconditional, help: "From -100 to 100; the higher goes first (default: 0).")
  var priority: Int?

  @Option(
    help: ArgumentHelp("Start no earlier than after this time: 30, 90s, 5m, 2h, 1d.", valueName: "duration"),
    transform: DurationArgument.delay)
  var delay: Double?

  @Option(help: ArgumentHelp("Start no earlier than then: 2026-01-31T12:00:00Z.", valueName: "instant"))
  var runAt: String?

  @Option(help: "How often it may be tried, failures counted (default: 5).")
  var maxAttempts: Int?

  @Option(help: "How many workers may be lost with it (default: 5).")
  var maxLosses: Int?

  @Option(
    help: ArgumentHelp("How long one attempt may run (default: no limit).", valueName: "duration"),
    transform: DurationArgument.seconds)
  var timeoutSeconds: Double?

  @Option(help: ArgumentHelp("Where it may run (default: any).", valueName: "capacity"))
  var placement: Placement?

  @Option(
    help: ArgumentHelp(
      "What to do when its worker must go (default: auto).",
      valueName: "behaviour"))
  var onInterruption: InterruptionBehaviour?

  @Option(
    name: .customLong("tag"), help: ArgumentHelp("A tag; give the option again for more.", valueName: "name=text"))
  var tags: [TagArgument] = []

  @Option(help: ArgumentHelp("For a command behind --: what it gets on standard input.", valueName: "json"))
  var input: String?

  @Option(
    name: .customLong("env"),
    help: ArgumentHelp("For a command behind --: a variable of its environment.", valueName: "name=text"))
  var variables: [TagArgument] = []

  @Option(help: ArgumentHelp("For a command behind --: the folder to run it in.", valueName: "folder"))
  var cwd: String?

  /// Whether anything is given that describes a single job.
  var isEmpty: Bool {
    payload == nil && queue == nil && priority == nil && delay == nil && runAt == nil && maxAttempts == nil
      && maxLosses == nil && timeoutSeconds == nil && placement == nil && onInterruption == nil && tags.isEmpty
      && input == nil && variables.isEmpty && cwd == nil
  }

  /// The job that is described.
  /// - Parameters:
  ///   - kind: The kind of job.
  ///   - command: The words behind `--`.
  ///   - source: Where files are read.
  ///   - folder: What a relative `--cwd` starts from.
  /// - Throws: `ValidationError` for what does not go together, `CommandFailure` for input that cannot be used.
  func submission(
    kind: String, command: [String], source: InputSource, folder: String
  ) throws -> JobSubmission {
    guard Names.isValid(kind) else { throw ValidationError("The kind of job must be \(Names.expected).") }
    var job = JobSubmission(kind: kind, payload: try payload(command: command, source: source, folder: folder))
    if let queue {
      guard Names.isValid(queue) else { throw ValidationError("--queue must be \(Names.expected).") }
      job.queue = queue
    }
    if let priority {
      guard (-100...100).contains(priority) else { throw ValidationError("--priority must be from -100 to 100.") }
      job.priority = priority
    }
    job.start = try start()
    job.maxAttempts = try count(maxAttempts, "--max-attempts") ?? job.maxAttempts
    job.maxLosses = try count(maxLosses, "--max-losses") ?? job.maxLosses
    job.timeoutSeconds = timeoutSeconds
    job.placement = placement ?? job.placement
    job.onInterruption = onInterruption ?? job.onInterruption
    job.tags = try TagArgument.dictionary(tags, option: "--tag")
    return job
  }

  private func count(_ value: Int?, _ option: String) throws -> Int? {
    guard value.map({ (1...1_000_000).contains($0) }) ?? true else {
      throw ValidationError("\(option) must be from 1 to 1000000.")
    }
    return value
  }

  private func start() throws -> JobSubmission.Start {
    switch (delay, runAt) {
    case (nil, nil): return .now
    case (let seconds?, nil): return seconds > 0 ? .after(seconds) : .now
    case (nil, let text?):
      guard let instant = Instant(text) else {
        throw ValidationError("--run-at must be an instant such as 2026-01-31T12:00:00Z.")
      }
      return .at(instant)
    case (_?, _?): throw ValidationError("--delay and --run-at do not go together.")
    }
  }

  private func payload(command: [String], source: InputSource, folder: String) throws -> RawJSON {
    if command.isEmpty {
      guard input == nil, variables.isEmpty, cwd == nil else {
        throw ValidationError("--input, --env and --cwd go with a command behind --.")
      }
      return try payload.map { try source.json($0, option: "--payload") } ?? .emptyObject
    }
    guard payload == nil else { throw ValidationError("--payload does not go with a command behind --.") }
    let variables = try TagArgument.dictionary(variables, option: "--env")
    let input = try input.map { try source.json($0, option: "--input") }
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("command", command)
      if !variables.isEmpty {
        writer.field(
          "env",
          object: { writer in
            for (name, text) in variables.sorted(by: { $0.key < $1.key }) { writer.field(name, text) }
          })
      }
      // The job runs in another process, maybe on another machine: a relative path would mean another folder there.
      if let cwd { writer.field("cwd", cwd.hasPrefix("/") ? cwd : cwd == "." ? folder : "\(folder)/\(cwd)") }
      if let input { writer.field("input", input) }
    }
    return RawJSON(trusted: writer.bytes)
  }
}
