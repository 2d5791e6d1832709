import Hummingbird
import Logging

/// Hummingbird by itself, the other yardstick beside `pgbench`: what a request costs a coordinator's process before
/// anybody has looked at it.
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
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port), serverName: "baton"),
      logger: logger)
    try await application.runService()
  }
}
