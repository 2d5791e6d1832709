import ArgumentParser
import BatonClient
import BatonShared

struct WorkersCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "workers", abstract: "List the workers.")

  @OptionGroup var connection: ConnectionOptions

  @Flag(help: "Also those that are gone.")
  var all = false

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let workers = try await client.allWorkers()
    if connection.json { return surroundings.show(json: WorkerList(workers: workers).json) }
    surroundings.show(Self.table(all ? workers : workers.filter { $0.state != .gone }, at: .now))
  }

  static func table(_ workers: [WorkerSnapshot], at now: Instant) -> Table {
    var table = Table([
      .init(heading: "WORKER"), .init(heading: "STATE"), .init(heading: "CAPACITY"),
      .init(heading: "JOBS", right: true), .init(heading: "QUEUES", shrinks: true),
      .init(heading: "KINDS", shrinks: true), .init(heading: "HEARTBEAT", right: true),
      .init(heading: "HOST", shrinks: true), .init(heading: "INTERRUPTION", shrinks: true),
    ])
    for worker in workers {
      table.append(
        .init(worker.id), .init(worker.state.rawValue, Style.colour(of: worker.state)),
        .init(worker.registration.capacityType.rawValue), .init("\(worker.leases)/\(worker.registration.slots)"),
        .init(worker.registration.queues.joined(separator: ",")),
        .init(worker.registration.kinds.isEmpty ? "all" : worker.registration.kinds.joined(separator: ",")),
        .init("\(Durations.text(from: worker.lastHeartbeatAt, to: now)) ago"),
        .init(worker.registration.hostname ?? ""),
        .init(worker.interruption.map(text) ?? "", .yellow))
    }
    return table
  }

  private static func text(_ interruption: InterruptionReport) -> String {
    let time = interruption.secondsLeft.map { ", \(Durations.text($0)) left" } ?? ""
    return "\(interruption.action) (\(interruption.source))\(time)"
  }
}
