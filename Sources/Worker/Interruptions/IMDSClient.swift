import AsyncHTTPClient
import NIOHTTP1

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

  private let http: MetadataHTTP
  private let base: String
  private var access = Access.unknown

  /// - Parameters:
  ///   - base: The address of the service without a path.
  ///   - timeout: Of one request, in seconds. The service is on the machine itself or is not there at all.
  init(client: HTTPClient, base: String, timeout: Double = 1.5) {
    http = MetadataHTTP(client: client, timeout: timeout)
    self.base = base
  }

  /// Reads a path below `/latest/meta-data/`.
  ///
  /// - Returns: The text, or nil where there is nothing (HTTP 404).
  /// - Throws: ``IMDSError``, or `CancellationError`.
  func read(_ path: String) async throws -> String? {
    let (answer, usedToken) = try await get(path)
    guard answer.status == 401 else { return try answer.text() }
    // Version 1 is turned off, and the request for a token timed out: perhaps it will not the next time.
    guard usedToken else {
      access = .unknown
      throw IMDSError.unreachable
    }
    // Expired or never valid: get a new one, and try again once.
    access = .unknown
    let (second, _) = try await get(path)
    guard second.status == 401 else { return try second.text() }
    access = .unknown
    throw IMDSError.forbidden(status: 401)
  }

  private func get(_ path: String) async throws -> (answer: MetadataHTTP.Answer, usedToken: Bool) {
    let token = try await token()
    var request = HTTPClientRequest(url: "\(base)/latest/meta-data/\(path)")
    if let token { request.headers.add(name: "X-aws-ec2-metadata-token", value: token) }
    do {
      return (try await http.send(request), token != nil)
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
    let answer: MetadataHTTP.Answer
    do {
      answer = try await http.send(request)
    } catch IMDSError.unreachable {
      access = .versionOne
      return nil
    }
    switch answer.status {
    case 200 where !answer.body.isEmpty && answer.body.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }:
      let granted = answer.headers.first(name: "X-aws-ec2-metadata-token-ttl-seconds").flatMap { Int($0) }
      let life = min(max(granted ?? Self.tokenLife, 0), Self.tokenLife)
      // Renewed a little before it ends.
      access = .token(answer.body, until: askedAt + .seconds(life - min(60, life / 10)))
      return answer.body
    // Services from before version 2, and doubles of them, have no such path.
    case 404, 405:
      access = .versionOne
      return nil
    default:
      throw IMDSError(status: answer.status)
    }
  }
}
