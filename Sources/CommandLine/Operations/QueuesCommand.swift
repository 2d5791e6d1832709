import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared

struct QueuesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queues", abstract: "List the queues, or pause and resume them.",
    subcommands: [List.self, PauseCommand.self, ResumeCommand.self], defaultSubcommand: List.self)

  struct List: RemoteCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the queues.")

    @OptionGroup var connection: ConnectionOptions

    func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
      let queues = try await client.allQueues()
      if connection.json { return surroundings.show(json: QueueList(queues: queues).json) }
      surroundings.show(QueuesCommand.table(queues))
    }
  }

  static func table(_ queues: [QueueSnapshot]) -> Table {
    var table = Table(
      [.init(heading: "QUEUE", shrinks: true), .init(heading: "STATE")]
        + JobStatus.allCases.map { .init(heading: $0.rawValue.uppercased(), right: true) }
        + [.init(heading: "OLDEST WAITS", right: true)])
    for queue in queues {
      table.rows.append(
        [.init(queue.name), queue.paused ? .init("paused", .yellow) : .init("open", .green)]
          + JobStatus.allCases.map { .init("\(queue.counts[$0])") }
          + [.init(queue.oldestQueuedSeconds.map(Durations.text) ?? "")])
    }
    return table
  }
}

struct PauseCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Stop handing out the jobs of queues; what runs goes on.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: ArgumentHelp("The queues.", valueName: "queue"))
  var queues: [String]

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    for queue in queues {
      let answer = try await client.answer(to: .pauseQueue(queue))
      surroundings.confirm(answer, json: connection.json, "\(queue) is paused")
    }
  }
}

struct ResumeCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Hand out the jobs of paused queues again.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: ArgumentHelp("The queues.", valueName: "queue"))
  var queues: [String]

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    for queue in queues {
      let answer = try await client.answer(to: .resumeQueue(queue))
      surroundings.confirm(answer, json: connection.json, "\(queue) is open")
    }
  }
}

extension Surroundings {
  fileprivate func confirm(_ answer: APIAnswer, json: Bool, _ text: String) {
    if json {
      if !answer.body.isEmpty { show(json: answer.body) }
    } else {
      output.line(DisplayText.printable(text))
    }
  }
}
