import ArgumentParser
import BatonClient
import BatonShared

struct LogsCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print what a job wrote.",
    discussion: "The coordinator keeps the newest part of a long log. With --json, prints {\"logs\": TEXT}.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The job.")
  var id: JobID

  @Flag(name: .shortAndLong, help: "Go on until the job is finished.")
  var follow = false

  @Option(help: "Only what this attempt wrote.")
  var attempt: Int?

  var patience: Double { follow ? 60 : 10 }

  func validate() throws {
    guard attempt.map({ $0 > 0 }) ?? true else { throw ValidationError("--attempt must be above 0.") }
    guard !follow || !connection.json else { throw ValidationError("--follow and --json do not go together.") }
  }

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    guard follow else {
      let text = try await client.send(.logs(id, attempt: attempt))
      if connection.json {
        return surroundings.show(json: LogAnswer(logs: String(decoding: text, as: UTF8.self)).json)
      }
      return surroundings.output.write(text)
    }
    var tail = LogTail()
    while true {
      // Asked before the log, so that what a job wrote last is not missed.
      let isFinished = try await client.send(.job(id)).status.isFinished
      surroundings.output.write(tail.next(try await client.send(.logs(id, attempt: attempt))))
      if isFinished { return }
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}
