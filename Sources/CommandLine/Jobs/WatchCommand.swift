import ArgumentParser
import BatonClient
import BatonShared

struct WatchCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Follow jobs until they are finished.",
    discussion: """
      Shows progress bars on a terminal, a line for each event elsewhere, and with --json a line of JSON for each \
      change of a job. Without ids, follows the jobs that are unfinished now. Exits 1 if any of them failed or was \
      cancelled. A coordinator that is away is waited for for a minute, or as long as --timeout says.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: ArgumentHelp("The jobs.", valueName: "id"))
  var ids: [JobID] = []

  var patience: Double { 60 }

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let jobs = ids.isEmpty ? try await Self.unfinished(client) : Self.unique(ids)
    guard !jobs.isEmpty else {
      if !connection.json { surroundings.errors.line("There is no unfinished job.") }
      return
    }
    var display =
      connection.json ? JSONWatchDisplay(surroundings.output) : Self.display(on: surroundings.output)
    let ended = try await JobWatcher(client: client).watch(jobs, on: &display)
    if ended.contains(where: { $0.status != .done }) { throw ExitCode(ExitStatus.negative) }
  }

  static func display(on terminal: Terminal) -> any WatchDisplay {
    if terminal.isTerminal { return LiveWatchDisplay(terminal) }
    return PlainWatchDisplay(terminal)
  }

  static func unique(_ ids: [JobID]) -> [JobID] {
    var seen: Set<JobID> = []
    return ids.filter { seen.insert($0).inserted }
  }

  /// The unfinished jobs, oldest first.
  private static func unfinished(_ client: BatonClient) async throws -> [JobID] {
    var ids: [JobID] = []
    for status in JobStatus.allCases where !status.isFinished {
      var cursor: String?
      repeat {
        let page = try await client.send(
          .jobs(JobFilter(status: status), limit: APIRequest<JobPage>.maximumPage, cursor: cursor))
        ids += page.jobs.map(\.id)
        cursor = page.nextCursor
      } while cursor != nil
    }
    // A job may have moved from one list to the other in between. The ids sort by time.
    return unique(ids).sorted { $0.description < $1.description }
  }
}
