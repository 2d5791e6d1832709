import BatonCoordinator
import Hummingbird
import Logging

/// What requests of a job each cost without anything that is Baton's, the other yardstick beside `pgbench`: a server of the
/// coordinator's HTTP library, on its event loops as a coordinator's, with a router of five routes and nothing else: no
/// middleware, no limits, no tokens, no metrics. Of what it is sent it looks for the payload or a lease's id, and checks nothing;
/// its answers are texts as long as a coordinator's.
public enum YardstickServer {
  /// Serves on 127.0.0.1 until SIGTERM.
  ///
  /// - Parameters:
  ///   - databaseURL: Where `pgbench`'s table is: submissions are kept there, leased and settled, with group commit.
  ///     Without it submissions are forgotten.
  public static func run(port: Int, databaseURL: String?) async throws {
    var logger = Logger(label: "yardstick")
    logger.logLevel = .error
    let router = Router()
    for path in ["/health", "/ready"] as [RouterPath] {
      router.get(path) { _, _ in json(.ok, ByteBuffer(string: #"{"status":"ok"}"#)) }
    }
    let table = databaseURL.map { OneTable(url: $0, logger: logger) }
    addRoutes(to: router, table)
    var application = Application(
      router: router, server: .http1OnEventLoops(),
      configuration: ApplicationConfiguration(
        address: .hostname("127.0.0.1", port: port), serverName: "baton", backlog: 4096),
      logger: logger)
    if let table { application.addServices(table.pool) }
    try await application.runService()
  }

  private static func addRoutes(to router: Router<BasicRequestContext>, _ table: OneTable?) {
    let texts = AnswerTexts()
    router.post("/jobs") { request, _ in
      let body = try await request.body.collect(upTo: 65_536)
      guard let payload = PayloadText.first(in: body) else { throw HTTPError(.badRequest) }
      let id = try await table?.submissions.submit(payload) ?? 1
      var response = json(.created, texts.submitted(id))
      response.headers[.location] = "/jobs/\(IDText.of(id))"
      return response
    }
    guard let table else { return }
    router.post("/leases") { request, _ in
      _ = try await request.body.collect(upTo: 65_536)
      return json(.ok, texts.leased(try await table.leases.submit(())))
    }
    router.post("/leases/settle") { request, _ in
      let body = try await request.body.collect(upTo: 65_536)
      guard let id = IDText.first(in: body) else { throw HTTPError(.badRequest) }
      return json(.ok, texts.settled(id, isAccepted: try await table.settlements.submit(id)))
    }
  }

  private static func json(_ status: HTTPResponse.Status, _ body: ByteBuffer) -> Response {
    Response(status: status, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
  }
}
