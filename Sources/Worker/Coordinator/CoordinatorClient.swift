import AsyncHTTPClient
import BatonJSON
import BatonShared
import BatonTLS
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Speaks HTTP with the coordinator: one request, one answer, every wait bounded.
///
/// With several addresses it stays with one as long as that answers and goes on to the next when it does not.
final class CoordinatorClient: Sendable {
  /// An answer of the coordinator whose status is below 300.
  struct Answer: Sendable {
    let status: UInt
    let headers: HTTPHeaders
    let body: [UInt8]
  }

  /// The most bytes of an answer: a checkpoint may be large.
  static let maximumAnswerBytes = 1 << 30

  /// A time-out shorter than this says nothing of the connections: a busy machine stands still for as long. Taken for more,
  /// it would hang up on leases that are on their way.
  private static let tellingTimeout: Duration = .seconds(1)

  private let client: HTTPClient
  private let connections: CoordinatorConnections
  private let addresses: [String]
  private let authorization: String?
  /// Which address is in use.
  private let current = Mutex(0)
  private let logger: Logger

  /// - Parameter connections: Those of `client`.
  init(
    client: HTTPClient, connections: CoordinatorConnections, addresses: [URL], token: String?, logger: Logger
  ) {
    precondition(!addresses.isEmpty, "a coordinator needs an address")
    self.client = client
    self.connections = connections
    self.addresses = addresses.map { url in
      var text = url.absoluteString
      while text.hasSuffix("/") { text.removeLast() }
      return text
    }
    self.authorization = token.map { "Bearer \($0)" }
    self.logger = logger
    let inClear = addresses.filter { $0.scheme?.lowercased() == "http" && !Loopback.contains($0.host() ?? "") }
    if token != nil, !inClear.isEmpty {
      logger.notice(
        "BATON_TOKEN goes over plain HTTP, and can be read on its way unless the network protects it",
        metadata: ["hosts": "\(inClear.compactMap { $0.host() }.joined(separator: ","))"])
    }
  }

  /// The HTTP client for the coordinator, whose certificate is always verified. Connections are not retried below: the retries here know when to stop.
  /// - Parameter connections: Gets every connection that it opens.
  static func makeHTTPClient(
    trusting authorities: TrustedAuthorities = .system, connections: CoordinatorConnections
  ) -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout.connect = .seconds(3)
    configuration.connectionPool.retryConnectionEstablishment = false
    // Long polls hold a connection each; logs and checkpoints of many jobs must not queue behind one another.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
    configuration.connectionPool.idleTimeout = .seconds(30)
    configuration.httpVersion = .http1Only
    configuration.tlsConfiguration = authorities.clientConfiguration
    configuration.http1_1ConnectionDebugInitializer = { connections.add($0) }
    return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
  }

  /// Sends one request.
  ///
  /// - Parameters:
  ///   - timeout: For the whole exchange, the answer's body included.
  /// - Throws: `CoordinatorError`, or `CancellationError` when the task was cancelled.
  func send(
    _ method: HTTPMethod, _ path: String, body: [UInt8]? = nil, contentType: String = "application/json",
    timeout: Duration
  ) async throws -> Answer {
    let index = current.withLock { $0 }
    let sentAt = ContinuousClock.now
    var request = HTTPClientRequest(url: addresses[index] + path)
    request.method = method
    if let authorization { request.headers.add(name: "Authorization", value: authorization) }
    if let body {
      request.headers.add(name: "Content-Type", value: contentType)
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    do {
      let response = try await client.execute(request, timeout: .nanoseconds(Int64(timeout.inSeconds * 1e9)))
      // The time-out above ends with the head; a body that never comes would hang.
      let deadline = ContinuousClock.now + timeout
      let collected = await race(before: deadline) {
        try await response.body.collect(upTo: Self.maximumAnswerBytes)
      }
      try Task.checkCancellation()
      guard let collected else { throw CoordinatorError.unreachable("the answer broke off") }
      let answer = Answer(
        status: response.status.code, headers: response.headers, body: Array(buffer: collected))
      guard answer.status < 300 else { throw Self.problem(of: answer) }
      return answer
    } catch let error as CoordinatorError {
      if error.isTransient { moveOn(from: index) }
      throw error
    } catch {
      try Task.checkCancellation()
      moveOn(from: index)
      if let error = error as? HTTPClientError, [.deadlineExceeded, .connectTimeout].contains(error),
        timeout >= Self.tellingTimeout
      {
        connections.closeSilent(since: sentAt)
      }
      throw CoordinatorError.unreachable(ConnectionFailure.words(error))
    }
  }

  /// Sends a request again and again until it is answered, refused for good, or `deadline` has come.
  ///
  /// Only for requests that may be repeated.
  /// - Throws: The last `CoordinatorError`, or `CancellationError` when the task was cancelled.
  func sendRepeatedly(
    _ method: HTTPMethod, _ path: String, body: [UInt8]? = nil, contentType: String = "application/json",
    timeout: Duration, until deadline: @Sendable () -> ContinuousClock.Instant
  ) async throws -> Answer {
    var backoff = Backoff()
    while true {
      do {
        let left = deadline() - .now
        return try await send(
          method, path, body: body, contentType: contentType,
          timeout: min(timeout, max(left, .milliseconds(100))))
      } catch let error as CoordinatorError where error.isTransient {
        let wait = backoff.next(atLeast: error.retryAfter)
        guard ContinuousClock.now + wait < deadline() else { throw error }
        logger.debug(
          "the coordinator did not answer; trying again",
          metadata: ["path": "\(Self.loggable(path))", "error": "\(error)", "wait_seconds": "\(wait.inSeconds)"])
        try await Task.sleep(for: wait)
      }
    }
  }

  /// A path with its lease id cut short: whoever reads a log is not to act under the lease.
  static func loggable(_ path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false)
      .map { LeaseID(String($0))?.abbreviated ?? String($0) }.joined(separator: "/")
  }

  private func moveOn(from index: Int) {
    guard addresses.count > 1 else { return }
    current.withLock { if $0 == index { $0 = (index + 1) % addresses.count } }
  }

  /// What an answer that is none of success says.
  static func problem(of answer: Answer) -> CoordinatorError {
    let retryAfter = answer.headers.first(name: "Retry-After").flatMap { Double($0) }
    if let problem = try? Problem(json: answer.body), !problem.code.isEmpty {
      var problem = problem
      problem.status = Int(answer.status)
      return .refused(problem, retryAfter: retryAfter)
    }
    // A load balancer's own page, for example: only the status can be relied on.
    let problem = Problem(
      status: Int(answer.status), title: "HTTP \(answer.status)", detail: "", code: "http_\(answer.status)")
    return .refused(problem, retryAfter: retryAfter)
  }
}
