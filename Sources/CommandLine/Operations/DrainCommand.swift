import ArgumentParser
import BatonClient
import BatonJSON
import BatonShared

struct DrainCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Let workers finish or hand back what they have, take nothing more, and exit.",
    discussion: """
      A worker is told with its next heartbeat. WORKER is an id as `baton workers` shows it, or its beginning up to a \
      dash, such as worker-1, if no other worker's begins so.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: ArgumentHelp("The workers.", valueName: "worker"))
  var workers: [String] = []

  @Flag(help: "All workers.")
  var all = false

  func validate() throws {
    guard all != !workers.isEmpty else { throw ValidationError("Give the workers to drain, or --all.") }
  }

  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws {
    let present = try await client.allWorkers().filter { $0.state != .gone }
    let ids = all ? present.map(\.id) : try Self.resolve(workers, among: present.map(\.id))
    for id in ids {
      try await client.send(.drainWorker(id))
      if !connection.json { surroundings.output.line(DisplayText.printable("\(id) is told to drain")) }
    }
    if connection.json {
      var writer = JSONWriter()
      writer.object { $0.field("draining", ids) }
      surroundings.show(json: writer.bytes)
    }
  }

  /// The ids that are meant; one that matches nothing stays as it is, for the coordinator to refuse.
  /// - Throws: `CommandFailure` when a name could mean several.
  static func resolve(_ names: [String], among ids: [String]) throws -> [String] {
    try names.map { name in
      if ids.contains(name) { return name }
      let matches = ids.filter { $0.hasPrefix(name + "-") }
      guard matches.count < 2 else {
        throw CommandFailure(ExitStatus.usage, "'\(name)' may be \(matches.joined(separator: " or "))")
      }
      return matches.first ?? name
    }
  }
}
