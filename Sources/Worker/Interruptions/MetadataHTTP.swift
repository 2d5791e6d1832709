import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a metadata service, which is on the machine itself or not there at all.
struct MetadataHTTP: Sendable {
  struct Answer: Sendable {
    var status: UInt
    var headers: HTTPHeaders
    var body: String

    /// The text; nil where there is nothing (HTTP 404).
    /// - Throws: ``IMDSError`` for any other status.
    func text() throws -> String? {
      switch status {
      case 200: body
      case 404: nil
      default: throw IMDSError(status: status)
      }
    }
  }

  private static let maximumBody = 256 * 1024

  let client: HTTPClient
  /// Of one request, in seconds.
  let timeout: Double

  /// A client of its own for it: short time-outs and no proxy. A proxy would be asked for another machine's metadata,
  /// and its `X-Forwarded-For` makes EC2 refuse the token.
  static func makeClient() -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.proxy = nil
    configuration.timeout.connect = .seconds(1)
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.idleTimeout = .seconds(10)
    configuration.httpVersion = .http1Only
    return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
  }

  /// The address without the path of a notice, with which some people configure it.
  static func base(of address: String) -> String {
    var base = address
    func removeSlashes() { while base.hasSuffix("/") { base.removeLast() } }
    removeSlashes()
    let paths = [
      "/spot/instance-action", "/meta-data", "/latest", "/instance/preempted", "/computeMetadata/v1",
      "/scheduledevents", "/metadata",
    ]
    for path in paths where base.hasSuffix(path) {
      base.removeLast(path.count)
      removeSlashes()
    }
    return base
  }

  /// Reads one address with a header.
  /// - Throws: ``IMDSError/unreachable``, or `CancellationError`.
  func get(_ url: String, header: (String, String), timeout: Double? = nil) async throws -> Answer {
    var request = HTTPClientRequest(url: url)
    request.headers.add(name: header.0, value: header.1)
    return try await send(request, timeout: timeout)
  }

  /// - Parameter timeout: Instead of the usual one, in seconds.
  /// - Throws: ``IMDSError/unreachable``, or `CancellationError`.
  func send(_ request: HTTPClientRequest, timeout: Double? = nil) async throws -> Answer {
    let limit = TimeAmount.nanoseconds(Int64((timeout ?? self.timeout) * 1e9))
    do {
      let response = try await client.execute(request, deadline: .now() + limit)
      let bound = ContinuousClock.now + .nanoseconds(limit.nanoseconds)
      // The content type says `text/plain` even of JSON, so it says nothing.
      let body = await race(before: bound) { try await response.body.collect(upTo: Self.maximumBody) }
      try Task.checkCancellation()
      guard let body else { throw IMDSError.unreachable }
      return Answer(status: response.status.code, headers: response.headers, body: String(buffer: body))
    } catch let error as IMDSError {
      throw error
    } catch {
      try Task.checkCancellation()
      throw IMDSError.unreachable
    }
  }
}
