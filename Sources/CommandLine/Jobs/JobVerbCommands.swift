import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared

struct CancelCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel jobs.",
    discussion: """
      A running job is cancelled once its worker has stopped it. All jobs are tried; exits 1 if one could not be \
      cancelled. With --json, prints each job as a line.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: ArgumentHelp("The jobs.", valueName: "id"))
  var ids: [JobID]

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    try await JobVerb(json: connection.json, client: client, surroundings: surroundings).each(ids) { .cancel($0) }
  }
}

struct RetryCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Queue failed or cancelled jobs again.",
    discussion: "All jobs are tried; exits 1 if one could not be queued. With --json, prints each job as a line.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: ArgumentHelp("The jobs.", valueName: "id"))
  var ids: [JobID]

  @Flag(help: "Start from the beginning instead of the newest checkpoint.")
  var discardCheckpoint = false

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let discard = discardCheckpoint
    try await JobVerb(json: connection.json, client: client, surroundings: surroundings).each(ids) {
      .retry($0, discardCheckpoint: discard)
    }
  }
}

/// Does the same to several jobs, and tells of each.
private struct JobVerb {
  let json: Bool
  let client: BatonClient
  let surroundings: Surroundings

  func each(_ ids: [JobID], _ request: (JobID) -> APIRequest<JobSnapshot>) async throws {
    var failed: (any Error)?
    for id in WatchCommand.unique(ids) {
      do {
        let request = request(id)
        let answer = try await client.answer(to: request)
        let job = try request.answer(from: answer)
        if json {
          surroundings.show(json: answer.body)
        } else {
          surroundings.output.line("\(id) \(job.status.rawValue)\(job.status == .processing ? ", told to stop" : "")")
        }
      } catch let problem as Problem where [400, 404, 409].contains(problem.status) && ids.count > 1 {
        surroundings.errors.line(DisplayText.printable("\(id): \(problem)"))
        failed = ExitCode(ExitStatus.negative)
      }
    }
    if let failed { throw failed }
  }
}
