import BatonLocalPostgres
import BatonPostgres
import Logging

/// The one PostgreSQL server that all tests of a process share; each takes a database of its own.
public actor TestServer {
  public static let shared = TestServer()

  /// Quick to start and to commit, and room for many tests at once. Commits are still waited for.
  public static let settings = [
    "fsync": "off", "full_page_writes": "off", "max_connections": "300", "log_min_messages": "fatal",
  ]

  private var connecting: Task<(LocalPostgres, PostgresConnection), any Error>?
  private var counter = 0

  /// The server itself, started.
  public func server() async throws -> LocalPostgres {
    try await connected().0
  }

  func makeDatabase() async throws -> TestDatabase {
    let (server, connection) = try await connected()
    counter += 1
    let name = "test_\(counter)"
    try await connection.query("CREATE DATABASE \(name)")
    return TestDatabase(
      name: name, url: await server.url(database: name),
      tcpURL: await server.url(database: name, transport: .tcp))
  }

  private func connected() async throws -> (LocalPostgres, PostgresConnection) {
    // A task, so that the tests that come first together start one server, and none of them being cancelled ends it.
    let task =
      connecting
      ?? Task {
        let server = try Self.makeServer()
        try await server.start()
        let connection = try await PostgresConnection.connect(
          PostgresConfiguration(url: await server.url()), logger: .quiet)
        return (server, connection)
      }
    connecting = task
    return try await task.value
  }

  /// A server of a test's own, not started yet: for tests that stop or break it.
  public static func makeServer(settings: [String: String] = TestServer.settings) throws -> LocalPostgres {
    try LocalPostgres(
      dataDirectory: LocalPostgres.temporaryDirectory(), port: 0, settings: settings, ephemeral: true, logger: .quiet)
  }
}
