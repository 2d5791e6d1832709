import BatonJSON
import BatonShared
import BatonTelemetry
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The worker's own small HTTP server: for probes, for metrics, and for whoever wants it to go.
struct WorkerServer: Service {
  /// How it treats its clients. They are probes, scrapers and people with `curl`: few, and quick.
  struct Limits: Sendable {
    /// From the first byte of a request (of a connection: from its opening) until the answer is taken, in seconds.
    var exchangeSeconds = 10.0
    /// Between two requests of a connection, in seconds.
    var idleSeconds = 60.0
    /// Others wait until one of them has gone.
    var connections = 128
    /// The header of a request.
    var headerBytes = 16 << 10
  }

  let configuration: WorkerConfiguration
  let workerID: String
  let drain: DrainController
  let registrar: Registrar
  let table: LeaseTable
  let metrics: WorkerMetrics
  /// Ends the process at once, jobs and all.
  let forceExit: @Sendable () -> Void
  /// The port in use, once there is one.
  let boundPort: Watched<Int?>
  let logger: Logger

  func run() async throws {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    let limits = configuration.serverLimits
    let application = Application(
      router: router(),
      server: .http1(
        configuration: HTTP1Channel.Configuration(
          additionalChannelHandlers: [ExchangeLimitInstaller(limit: .seconds(limits.exchangeSeconds))],
          idleTimeout: .seconds(limits.idleSeconds),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 256))),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: "baton-worker",
        availableConnectionsDelegate: .maximum(limits.connections, logger: quiet)),
      onServerRunning: { channel in
        let port = channel.localAddress?.port
        logger.info("listening", metadata: ["host": "\(configuration.host)", "port": "\(port ?? 0)"])
        boundPort.update { $0 = port }
      },
      logger: quiet)
    try await application.run()
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.add(middleware: ProblemMiddleware())
    router.get("health") { _, _ in Self.json(.ok) { $0.field("status", "ok") } }
    router.get("ready") { _, _ in try ready() }
    router.get("metrics") { _, _ in
      metrics.leases(table.state.read { $0.runs.count })
      metrics.prefetched(table.prefetched)
      metrics.registered(registrar.absence == nil)
      return Response(
        status: .ok, headers: [.contentType: PrometheusRegistry.contentType],
        body: .init(byteBuffer: ByteBuffer(string: metrics.registry.scrape())))
    }
    router.post("drain") { request, _ in
      try authorize(request)
      drain.receive(InterruptionNotice(source: "operator", action: "drain", secondsLeft: nil))
      return draining()
    }
    router.post("simulate/interruption") { request, _ in try await simulate(request) }
    router.post("shutdown") { request, _ in
      try authorize(request)
      logger.warning("forced exit")
      let forceExit = forceExit
      let body = Self.body { $0.field("status", "exiting") }
      return Response(
        status: .accepted, headers: [.contentType: "application/json"],
        body: .init(contentLength: body.readableBytes) { writer in
          try await writer.write(body)
          try await writer.finish(nil)
          forceExit()
        })
    }
    return router
  }

  private func ready() throws -> Response {
    if drain.isDraining, let report = drain.report {
      throw Problem(.draining, "the worker drains: \(report.source) \(report.action)")
    }
    if let absence = registrar.absence {
      throw Problem(status: 503, title: "Not registered", detail: absence, code: "not_registered")
    }
    return Self.json(.ok) { writer in
      writer.field("status", "ready")
      writer.field("worker_id", workerID)
    }
  }

  private func simulate(_ request: Request) async throws -> Response {
    try authorize(request)
    guard configuration.allowSimulateInterruption else {
      throw Problem(.forbidden, "simulated interruptions are turned off (ALLOW_SIMULATE_INTERRUPTION)")
    }
    let buffer: ByteBuffer
    do {
      buffer = try await request.body.collect(upTo: 4096)
    } catch is NIOTooManyBytesError {
      throw Problem(.payloadTooLarge, "the body must be at most 4096 bytes")
    }
    var wanted = SimulatedInterruption()
    if buffer.readableBytes > 0 {
      do {
        wanted = try SimulatedInterruption(json: Array(buffer: buffer))
      } catch {
        throw Problem(.invalidRequest, error.description)
      }
    }
    let action = wanted.action.rawValue
    if wanted.action == .rebalance {
      let notice = InterruptionNotice(source: "simulated", action: action, secondsLeft: nil)
      drain.receive(InterruptionEvent(kind: .rebalance, notice: notice))
    } else {
      drain.receive(InterruptionNotice(source: "simulated", action: action, secondsLeft: wanted.seconds))
    }
    return draining()
  }

  private func draining() -> Response {
    let report = drain.report
    return Self.json(.accepted) { writer in
      writer.field("state", drain.isDraining ? "draining" : "active")
      writer.field("leases", table.state.read { $0.runs.count })
      writer.field("prefetched", table.prefetched)
      writer.field("interruption", report)
    }
  }

  /// Whoever can reach a server on loopback is on this machine; from elsewhere the worker's token is asked for. So it is
  /// of everybody when programs run as another user than the worker: they are on this machine, too.
  private func authorize(_ request: Request) throws {
    guard request.headers[.origin] == nil else {
      throw Problem(.forbidden, "requests that a web page makes (with the header Origin) are not taken")
    }
    guard !Loopback.contains(configuration.host) || configuration.execUser != nil else { return }
    guard let token = configuration.token else {
      throw Problem(
        .forbidden,
        configuration.execUser == nil
          ? "set BATON_TOKEN, or let the worker listen on loopback (HOST)" : "set BATON_TOKEN; EXEC_USER is set")
    }
    let given = request.headers[.authorization] ?? ""
    guard Self.isEqual(Array(given.utf8), Array("Bearer \(token)".utf8)) else {
      throw Problem(.unauthorized, "'Authorization' must be the worker's bearer token")
    }
  }

  /// Takes the same time wherever the two differ.
  private static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func body(_ content: (inout JSONWriter) -> Void) -> ByteBuffer {
    var writer = JSONWriter()
    writer.object(content)
    return ByteBuffer(bytes: writer.bytes)
  }

  private static func json(_ status: HTTPResponse.Status, _ content: (inout JSONWriter) -> Void) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: body(content)))
  }
}

/// Answers errors as `application/problem+json`.
struct ProblemMiddleware: RouterMiddleware {
  func handle(
    _ request: Request, context: BasicRequestContext,
    next: @concurrent (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let problem as Problem {
      return Self.response(problem)
    } catch let error as any HTTPResponseError {
      let problem =
        switch error.status.code {
        case 404: Problem(.notFound, "there is no \(request.method.rawValue) \(request.uri.path)")
        case 405: Problem(.methodNotAllowed, "there is no \(request.method.rawValue) \(request.uri.path)")
        default:
          Problem(
            status: error.status.code, title: error.status.reasonPhrase, detail: "",
            code: error.status.code < 500 ? "invalid_request" : "internal_error")
        }
      return Self.response(problem)
    }
  }

  private static func response(_ problem: Problem) -> Response {
    Response(
      status: .init(code: problem.status), headers: [.contentType: "application/problem+json"],
      body: .init(byteBuffer: ByteBuffer(bytes: problem.json)))
  }
}

extension TimeAmount {
  fileprivate static func seconds(_ seconds: Double) -> TimeAmount { .nanoseconds(Int64(seconds * 1e9)) }
}
