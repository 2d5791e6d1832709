import ArgumentParser
import BatonClient

/// A command that speaks to a coordinator.
protocol RemoteCommand: AsyncParsableCommand, Sendable {
  var connection: ConnectionOptions { get }
  /// Seconds to try to reach the coordinator when the user does not say.
  var patience: Double { get }
  func run(_ client: BatonClient, _ surroundings: Surroundings) async throws
}

extension RemoteCommand {
  var patience: Double { 10 }

  func run() async throws {
    let surroundings = Surroundings()
    let command = self
    try await BatonClient.with(connection.configuration(surroundings.environment, patience: patience)) { client in
      try await command.run(client, surroundings)
    }
  }
}
