import Hummingbird
import Logging
import NIOCore

@testable import BatonWorker

/// EC2's instance metadata service, with its refusals: true 401 and 404, tokens that expire, 503s, a slow PUT.
final class IMDSDouble: Sendable {
  struct State: Sendable {
    /// What is there, by its path below `/latest/meta-data/`.
    var values = [
      "instance-id": "i-0123456789abcdef0", "instance-type": "c7g.large", "instance-life-cycle": "spot",
      "placement/availability-zone": "eu-central-1a",
    ]
    var tokens: Set<String> = []
    var tokenRequests = 0
    var reads: [(path: String, token: String?)] = []
    /// Whether reads without a token are answered.
    var allowsVersionOne = false
    /// PUT answers only after this long.
    var tokenDelay = Duration.zero
    /// PUT answers this instead of a token.
    var tokenStatus: Int?
    /// This many reads are answered so.
    var failures: [Int] = []
  }

  let state: Watched<State>
  let base: String

  private init(state: Watched<State>, port: Int) {
    self.state = state
    base = "http://127.0.0.1:\(port)"
  }

  static func run<Result: Sendable>(_ body: @escaping @Sendable (IMDSDouble) async throws -> Result) async throws
    -> Result
  {
    let state = Watched(State())
    let bound = Watched<Int?>(nil)
    var logger = Logger(label: "imds-double")
    logger.logLevel = .critical
    let application = Application(
      router: router(state), configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { channel in bound.update { $0 = channel.localAddress?.port } }, logger: logger)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        try await application.run()
        return nil
      }
      group.addTask {
        let port = try await bound.first { $0 != nil }!
        return try await body(IMDSDouble(state: state, port: port))
      }
      defer { group.cancelAll() }
      while let result = try await group.next() {
        if let result { return result }
      }
      throw CancellationError()
    }
  }

  private static func router(_ state: Watched<State>) -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.put("latest/api/token") { request, _ in
      guard request.headers[.init("X-Forwarded-For")!] == nil else { return Response(status: .forbidden) }
      guard let ttl = request.headers[.init("X-aws-ec2-metadata-token-ttl-seconds")!].flatMap({ Int($0) }),
        (1...21_600).contains(ttl)
      else { return Response(status: .badRequest) }
      let (delay, status, token) = state.update { state in
        state.tokenRequests += 1
        let token = "token-\(state.tokenRequests)"
        if state.tokenStatus == nil { state.tokens.insert(token) }
        return (state.tokenDelay, state.tokenStatus, token)
      }
      if delay > .zero { try await Task.sleep(for: delay) }
      if let status { return Response(status: .init(code: status)) }
      return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: token)))
    }
    router.get("latest/meta-data/**") { request, context in
      let path = context.parameters.getCatchAll().joined(separator: "/")
      let token = request.headers[.init("X-aws-ec2-metadata-token")!]
      return state.update { state in
        state.reads.append((path, token))
        if !state.failures.isEmpty { return Response(status: .init(code: state.failures.removeFirst())) }
        if let token {
          guard state.tokens.contains(token) else { return Response(status: .unauthorized) }
        } else if !state.allowsVersionOne {
          return Response(status: .unauthorized)
        }
        guard let value = state.values[path] else { return Response(status: .notFound) }
        return Response(
          status: .ok, headers: [.contentType: "text/plain"], body: .init(byteBuffer: ByteBuffer(string: value)))
      }
    }
    return router
  }
}
