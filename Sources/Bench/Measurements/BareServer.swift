import BatonJSON
import BatonShared
import Hummingbird
import Logging

/// Hummingbird by itself, the other yardstick beside `pgbench`: what the same requests and answers cost a server of the same
/// library that does nothing with them. Its tasks run where Hummingbird has them run, on Swift's own threads, and not on the
/// event loops as a coordinator's do; so it is no part of what a coordinator needs, but something to hold that against.
public enum BareServer {
  /// Answers `GET /health` as a coordinator does, `GET /ready`, and `POST /jobs` with what a coordinator says of a job that
  /// was just submitted, once all of the body is there; on 127.0.0.1, until SIGTERM. As Hummingbird comes: no middleware, no
  /// limits, a router with three routes.
  public static func run(port: Int) async throws {
    let router = Router()
    for path in ["/health", "/ready"] as [RouterPath] {
      router.get(path) { _, _ in json(.ok, ByteBuffer(string: #"{"status":"ok"}"#)) }
    }
    let job = submitted
    let text = ByteBuffer(bytes: job.json)
    router.post("/jobs") { request, _ in
      _ = try await request.body.collect(upTo: 65_536)
      var response = json(.created, text)
      response.headers[.location] = "/jobs/\(job.id)"
      return response
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

  private static func json(_ status: HTTPResponse.Status, _ body: ByteBuffer) -> Response {
    Response(status: status, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
  }

  /// As long as what a coordinator says.
  private static var submitted: JobSnapshot {
    let now = Instant(microseconds: 1_800_000_000_123_456)
    return JobSnapshot(
      id: JobIDGenerator().next(), queue: "bench-0123456789abc", kind: "noop", status: .queued,
      payload: RawJSON(trusted: Array(#"{"n":1}"#.utf8)), priority: 0, placement: .any, onInterruption: .auto,
      tags: .emptyObject, attempt: 0, maxAttempts: 5, failures: 0, interruptions: 0, losses: 0, maxLosses: 5,
      timeoutSeconds: nil, progress: nil, checkpoint: nil, result: nil, error: nil, workerID: nil, runAt: now,
      createdAt: now, startedAt: nil, finishedAt: nil)
  }
}
