import Hummingbird
import Logging

/// Hummingbird by itself, the other yardstick beside `pgbench`: what the same answer costs a server of the same library that
/// does nothing else. Its tasks run where Hummingbird has them run, on Swift's own threads, and not on the event loops as a
/// coordinator's do; so it is no part of what a coordinator needs, but something to hold that against.
public enum BareServer {
  /// Answers `GET /health` as a coordinator does, and `GET /ready`, on 127.0.0.1, until SIGTERM. As Hummingbird comes: no
  /// middleware, no limits, a router with two routes.
  public static func run(port: Int) async throws {
    let router = Router()
    for path in ["/health", "/ready"] as [RouterPath] {
      router.get(path) { _, _ in
        Response(
          status: .ok, headers: [.contentType: "application/json"],
          body: ResponseBody(byteBuffer: ByteBuffer(string: #"{"status":"ok"}"#)))
      }
    }
    var logger = Logger(label: "bare")
    logger.logLevel = .error
    let application = Application(
      router: router,
      configuration: ApplicationConfiguration(
        address: .hostname("127.0.0.1", port: port), serverName: "baton", backlog: 4096),
      logger: logger)
    try await application.runService()
  }
}
