import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared

struct JobsCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List jobs, newest first.")

  @OptionGroup var connection: ConnectionOptions

  @Option(help: "Only jobs that stand so.")
  var status: JobStatus?

  @Option(help: "Only jobs of this queue.")
  var queue: String?

  @Option(help: "Only jobs of this kind.")
  var kind: String?

  @Option(
    name: .customLong("tag"),
    help: ArgumentHelp("Only jobs with this tag; give the option again for more.", valueName: "name=text"))
  var tags: [TagArgument] = []

  @Option(help: "At most so many jobs (default: 50).")
  var limit: Int?

  @Flag(help: "All jobs, however many.")
  var all = false

  func validate() throws {
    guard limit == nil || !all else { throw ValidationError("--limit and --all do not go together.") }
    guard limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit must be above 0.") }
  }

  /// What is asked for.
  func filter() throws -> JobFilter {
    JobFilter(
      status: status, queue: queue, kind: kind, tags: try TagArgument.dictionary(tags, option: "--tag"))
  }

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let wanted = all ? Int.max : limit ?? 50
    let filter = try filter()
    var jobs: [JobSnapshot] = []
    var cursor: String?
    repeat {
      let page = try await client.send(
        .jobs(filter, limit: min(APIRequest<JobPage>.maximumPage, wanted - jobs.count), cursor: cursor))
      jobs += page.jobs
      cursor = page.nextCursor
    } while cursor != nil && jobs.count < wanted
    if connection.json { return surroundings.show(json: JobPage(jobs: jobs, nextCursor: cursor).json) }
    surroundings.show(Self.table(jobs, at: .now))
    if cursor != nil, surroundings.output.isTerminal {
      surroundings.errors.line("There are more; --limit or --all shows them.")
    }
  }

  static func table(_ jobs: [JobSnapshot], at now: Instant) -> Table {
    var table = Table([
      .init(heading: "ID"), .init(heading: "KIND", shrinks: true), .init(heading: "QUEUE", shrinks: true),
      .init(heading: "STATUS"), .init(heading: "PROGRESS", right: true), .init(heading: "ATTEMPT", right: true),
      .init(heading: "AGE", right: true), .init(heading: "WORKER", shrinks: true),
      .init(heading: "NOTE", shrinks: true),
    ])
    for job in jobs {
      let progress = job.status == .done ? nil : job.progress?.fraction.map { "\(Int($0 * 100))%" }
      table.append(
        .init(job.id.description), .init(job.kind), .init(job.queue),
        .init(job.status.rawValue, Style.colour(of: job.status)), .init(progress ?? ""), .init("\(job.attempt)"),
        .init(Durations.text(from: job.createdAt, to: now)), .init(job.workerID ?? ""), .init(note(job, at: now)))
    }
    return table
  }

  private static func note(_ job: JobSnapshot, at now: Instant) -> String {
    switch job.status {
    case .queued where job.runAt > now: "starts in \(Durations.text(from: now, to: job.runAt))"
    case .processing: job.progress?.message ?? ""
    case .failed: job.error.map { "\($0.code): \($0.message)" } ?? ""
    default: ""
    }
  }
}
