import Logging

@testable import BatonWorker

extension CoordinatorDouble {
  /// A client of this coordinator's, as long as `body` runs, and a logger that says nothing.
  func withClient(_ body: (CoordinatorClient, Logger) async throws -> Void) async throws {
    let connections = CoordinatorConnections()
    let http = CoordinatorClient.makeHTTPClient(connections: connections)
    var logger = Logger(label: "client")
    logger.logLevel = .critical
    let client = CoordinatorClient(
      client: http, connections: connections, addresses: [url], token: nil, logger: logger)
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await body(client, logger))
    } catch {
      outcome = .failure(error)
    }
    try await http.shutdown()
    try outcome.get()
  }
}
