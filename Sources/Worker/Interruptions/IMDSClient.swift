import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads EC2's instance metadata: version 2 with a token, and version 1 only where no token can be had.
actor IMDSClient {
  private enum Access {
    case unknown
    case token(String, until: ContinuousClock.Instant)
    /// The request for a token timed out: behind a container's extra hop, for example.
    case versionOne
  }

  /// How long a token is asked to live, in seconds.
  private static let tokenLife = 21_600

  private let client: HTTPClient
  private let base: String
  private let timeout: TimeAmount
  private var access = Access.unknown

  /// - Parameters:
  ///   - base: The address of the service without a path.
  ///   - timeout: Of one request, in seconds. The service is on the machine itself or is not there at all.
  init(client: HTTPClient, base: String, timeout: Double = 1.5) {
    self.client = client
    self.base = base
    self.timeout = .nanoseconds(Int64(timeout * 1e9))
  }

  /// A client of its own for it: short time-outs and no proxy, which would make the service refuse the token.
  static func makeHTTPClient() -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.proxy = nil
    configuration.timeout.connect = .seconds(1)
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.idleTimeout = .seconds(10)
    configuration.httpVersion = .http1Only
    return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
  }

  /// The address without the path of the spot notice, with which some people configure it.
  static func base(of address: String) -> String {
    var base = address
    while base.hasSuffix("/") { base.removeLast() }
    for suffix in ["/spot/instance-action", "/meta-data", "/latest"] where base.hasSuffix(suffix) {
      base.removeLast(suffix.count)
    }
    return base
  }

  /// Reads a path below `/latest/meta-data/`.
  ///
  /// - Returns: The text, or nil where there is nothing (HTTP 404).
  /// - Throws: ``IMDSError``, or `CancellationError`.
  func read(_ path: String) async throws -> String? {
    let (answer, usedToken) = try await get(path)
    guard answer.status == 401 else { return try Self.text(answer) }
    // Version 1 is turned off, and the request for a token timed out: perhaps it will not the next time.
    guard usedToken else {
      access = .unknown
      throw IMDSError.unreachable
    }
    // Expired or never valid: get a new one, and try again once.
    access = .unknown
    let (second, _) = try await get(path)
    guard second.status == 401 else { return try Self.text(second) }
    access = .unknown
    throw IMDSError.forbidden(status: 401)
  }

  private func get(_ path: String) async throws -> (answer: (status: UInt, body: String), usedToken: Bool) {
    let token = try await token()
    var request = HTTPClientRequest(url: "\(base)/latest/meta-data/\(path)")
    if let token { request.headers.add(name: "X-aws-ec2-metadata-token", value: token) }
    do {
      return (try await send(request), token != nil)
    } catch let error as IMDSError {
      // Somebody may have put a hop in between, or taken it away.
      if token == nil { access = .unknown }
      throw error
    }
  }

  /// A token; nil where only version 1 answers.
  private func token() async throws -> String? {
    switch access {
    case .token(let token, let until) where ContinuousClock.now < until: return token
    case .versionOne: return nil
    case .unknown, .token: break
    }
    var request = HTTPClientRequest(url: "\(base)/latest/api/token")
    request.method = .PUT
    request.headers.add(name: "X-aws-ec2-metadata-token-ttl-seconds", value: String(Self.tokenLife))
    let askedAt = ContinuousClock.now
    let answer: (status: UInt, body: String)
    do {
      answer = try await send(request)
    } catch IMDSError.unreachable {
      access = .versionOne
      return nil
    }
    switch answer.status {
    case 200 where !answer.body.isEmpty && answer.body.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }:
      access = .token(answer.body, until: askedAt + .seconds(Self.tokenLife - 60))
      return answer.body
    // Services from before version 2, and doubles of them, have no such path.
    case 404, 405:
      access = .versionOne
      return nil
    default:
      throw Self.error(answer.status)
    }
  }

  private func send(_ request: HTTPClientRequest) async throws -> (status: UInt, body: String) {
    let deadline = NIODeadline.now() + timeout
    do {
      let response = try await client.execute(request, deadline: deadline)
      let bound = ContinuousClock.now + .nanoseconds(timeout.nanoseconds)
      // The content type says `text/plain` even of JSON, so it says nothing.
      let body = await race(before: bound) { try await response.body.collect(upTo: 64 * 1024) }
      try Task.checkCancellation()
      guard let body else { throw IMDSError.unreachable }
      return (response.status.code, String(buffer: body))
    } catch let error as IMDSError {
      throw error
    } catch {
      try Task.checkCancellation()
      throw IMDSError.unreachable
    }
  }

  private static func text(_ answer: (status: UInt, body: String)) throws -> String? {
    switch answer.status {
    case 200: return answer.body
    case 404: return nil
    default: throw error(answer.status)
    }
  }

  private static func error(_ status: UInt) -> IMDSError {
    switch status {
    case 401, 403: .forbidden(status: status)
    case 429, 500...599: .busy(status: status)
    default: .unexpected(status: status)
    }
  }
}
