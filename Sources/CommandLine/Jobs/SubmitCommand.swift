import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct SubmitCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Submit one job, or many from a file.",
    usage: """
      baton submit KIND [--payload JSON|@FILE|-] [OPTIONS]
      baton submit exec [OPTIONS] -- COMMAND ARGUMENT…
      baton submit --batch FILE|- [OPTIONS]
      """,
    discussion: """
      Prints the ids of the jobs, one a line. A single job is submitted exactly once, however often the connection \
      breaks on the way. A batch is a file of JSON lines, each a job as POST /jobs takes it:

        {"kind":"steps","payload":{"steps":100},"priority":5}

      Nothing is sent if a line cannot be used. Up to 5000 jobs go in one request, all or none of them.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The kind of job, such as exec, steps or sleep.")
  var kind: String?

  @OptionGroup var job: SubmissionArguments

  @Option(help: ArgumentHelp("A repeat with the same key makes no second job (default: a new one).", valueName: "key"))
  var idempotencyKey: String?

  @Option(
    name: [.customLong("batch"), .customLong("file")],
    help: ArgumentHelp("Submit the jobs of this file of JSON lines; - is standard input.", valueName: "file"))
  var batch: String?

  @Flag(help: "Wait until the jobs are finished, and show their progress; exit 1 unless all are done.")
  var wait = false

  @Argument(parsing: .postTerminator, help: "For the kind exec: the program to run and its arguments.")
  var command: [String] = []

  func validate() throws {
    if batch != nil {
      guard kind == nil, command.isEmpty, job.isEmpty, idempotencyKey == nil else {
        throw ValidationError("With --batch, each line of the file says what its job is like; give no KIND or options.")
      }
    } else {
      guard let kind else { throw ValidationError("Give the kind of job, or --batch.") }
      guard command.isEmpty || kind == "exec" else {
        throw ValidationError("A command behind -- goes with the kind exec, not '\(kind)'.")
      }
    }
    if let key = idempotencyKey {
      guard !key.isEmpty, key.utf8.count <= 255, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw ValidationError("--idempotency-key must be 1 to 255 visible ASCII characters.")
      }
    }
  }

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let ids: [JobID]
    if let batch {
      ids = try await submitBatch(batch, client, surroundings)
    } else {
      let submission = try job.submission(
        kind: kind ?? "", command: command, source: .files, folder: FileManager.default.currentDirectoryPath)
      let request = APIRequest.submit(submission, idempotencyKey: idempotencyKey ?? UUID().lowercaseText)
      let answer = try await client.answer(to: request)
      let made = try request.answer(from: answer)
      if !connection.json {
        surroundings.output.line(made.id.description)
      } else if !wait {
        surroundings.show(json: answer.body)
      }
      ids = [made.id]
    }
    if wait { try await finish(ids, client, surroundings) }
  }

  private func submitBatch(_ file: String, _ client: BatonClient, _ surroundings: Surroundings) async throws -> [JobID]
  {
    let name = file == "-" ? "standard input" : file
    let jobs = try BatchFile.jobs(try InputSource.files.read(file), name: name)
    var ids: [JobID] = []
    for batch in BatchFile.batches(jobs) {
      do {
        let receipt = try await client.send(.submit(batch))
        ids += receipt.ids
        if !connection.json { for id in receipt.ids { surroundings.output.line(id.description) } }
      } catch  where !ids.isEmpty {
        // The ids so far are printed, or would be lost with the error.
        if connection.json { surroundings.show(json: BatchReceipt(ids: ids).json) }
        surroundings.errors.line("\(ids.count) of \(jobs.count) jobs were submitted before this:")
        throw error
      }
    }
    if connection.json, !wait { surroundings.show(json: BatchReceipt(ids: ids).json) }
    return ids
  }

  /// Follows the jobs on standard error, so that standard output stays what scripts read.
  private func finish(_ ids: [JobID], _ client: BatonClient, _ surroundings: Surroundings) async throws {
    var display = WatchCommand.display(on: surroundings.errors)
    let jobs = try await JobWatcher(client: client).watch(ids, on: &display)
    if connection.json {
      var writer = JSONWriter()
      if batch == nil, let job = jobs.first {
        job.write(to: &writer)
      } else {
        JobPage(jobs: jobs, nextCursor: nil).write(to: &writer)
      }
      surroundings.show(json: writer.bytes)
    }
    if jobs.contains(where: { $0.status != .done }) { throw ExitCode(ExitStatus.negative) }
  }
}
