import BatonLocalPostgres
import BatonPostgres
import Logging

/// A fresh, empty database on the PostgreSQL server that this test process has to itself.
public struct TestDatabase: Sendable {
  public let name: String
  /// A libpq URL that uses the server's Unix socket.
  public let url: String
  /// A libpq URL that uses TCP on 127.0.0.1.
  public let tcpURL: String

  public var configuration: PostgresConfiguration { PostgresConfiguration(url: url) }

  /// Makes a database with a unique name. Starts the server, which ends and is removed with this process.
  public static func make() async throws -> TestDatabase {
    try await TestServer.shared.makeDatabase()
  }

  /// A pool of connections to it.
  public func pool(
    size: Int = 4, planning: PostgresConfiguration.Planning = .eachTime
  ) -> PostgresPool {
    var configuration = configuration
    configuration.planning = planning
    return PostgresPool(configuration: configuration, size: size, logger: .quiet)
  }

  /// One connection to it.
  public func connect() async throws -> PostgresConnection {
    try await PostgresConnection.connect(configuration, logger: .quiet)
  }
}

extension Logger {
  /// Says nothing: tests that break things on purpose would fill the screen.
  public static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
