import ArgumentParser
import BatonClient
import BatonShared

struct StatsCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Count the jobs and the workers.")

  @OptionGroup var connection: ConnectionOptions

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let answer = try await client.answer(to: .statistics())
    if connection.json { return surroundings.show(json: answer.body) }
    let statistics = try APIRequest.statistics().answer(from: answer)
    surroundings.show(Self.table(statistics))
  }

  static func table(_ statistics: Statistics) -> Table {
    var table = Table([.init(heading: ""), .init(heading: "STATE"), .init(heading: "COUNT", right: true)])
    for (index, status) in JobStatus.allCases.enumerated() {
      table.append(
        .init(index == 0 ? "jobs" : ""), .init(status.rawValue, Style.colour(of: status)),
        .init("\(statistics.jobs[status])"))
    }
    for (index, state) in WorkerState.allCases.enumerated() {
      table.append(
        .init(index == 0 ? "workers" : ""), .init(state.rawValue, Style.colour(of: state)),
        .init("\(statistics.workers[state] ?? 0)"))
    }
    return table
  }
}
