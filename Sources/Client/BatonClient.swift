import AsyncHTTPClient
import BatonJSON
import BatonShared
import BatonTLS
import NIOCore
import NIOHTTP1
import NIOPosix

/// Speaks to a coordinator for those who submit jobs and look after the fleet.
///
/// Calls that are safe to repeat are repeated while the coordinator cannot be reached, is draining, or has lost its
/// database, until ``Configuration/timeout`` has passed; so a restart of the coordinator goes by unnoticed.
public struct BatonClient: Sendable {
  public struct Configuration: Sendable {
    /// Where the coordinator is: `http://127.0.0.1:8080`.
    public var address: String
    /// Sent as bearer token; never part of an error.
    public var token: String?
    /// The certificate authorities to trust at an `https://` address instead of the system's: a file in PEM form.
    public var authoritiesFile: String?
    /// The time for one call, all its repetitions included.
    public var timeout: Duration
    /// The most bytes of an answer.
    public var maximumAnswerBytes: Int
    /// The most connections that are open at a time.
    public var connections: Int

    public init(
      address: String = "http://127.0.0.1:8080", token: String? = nil, authoritiesFile: String? = nil,
      timeout: Duration = .seconds(10), maximumAnswerBytes: Int = 1 << 30, connections: Int = 16
    ) {
      self.address = address
      self.token = token
      self.authoritiesFile = authoritiesFile
      self.timeout = timeout
      self.maximumAnswerBytes = maximumAnswerBytes
      self.connections = connections
    }
  }

  public let configuration: Configuration
  private let base: String
  private let http: HTTPClient

  /// Makes a client, which lives as long as `body` runs.
  /// - Throws: `ClientError.invalidAddress`, `AuthoritiesFileError`, and what `body` throws.
  public static func with<Result: Sendable>(
    _ configuration: Configuration, _ body: @Sendable (BatonClient) async throws -> Result
  ) async throws -> Result {
    let base = try Self.base(of: configuration.address)
    var settings = HTTPClient.Configuration()
    // A token must not follow a redirect to somebody else.
    settings.redirectConfiguration = .disallow
    settings.connectionPool.retryConnectionEstablishment = false
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.connections
    settings.timeout.connect = Self.amount(min(configuration.timeout, .seconds(5)))
    settings.httpVersion = .http1Only
    settings.tlsConfiguration = try TrustedAuthorities(optionalFile: configuration.authoritiesFile).clientConfiguration
    let http = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: settings)
    let outcome: Swift.Result<Result, any Error>
    do {
      outcome = .success(try await body(BatonClient(configuration: configuration, base: base, http: http)))
    } catch {
      outcome = .failure(error)
    }
    try? await http.shutdown()
    return try outcome.get()
  }

  /// Makes a call.
  /// - Throws: `Problem` when the coordinator refuses, `ClientError` when there is no answer to use.
  @discardableResult
  public func send<Answer>(_ request: APIRequest<Answer>) async throws -> Answer {
    try request.answer(from: await answer(to: request))
  }

  /// Makes a call and returns the answer unread.
  /// - Throws: `Problem` when the coordinator refuses, `ClientError` when there is no answer to use.
  public func answer<Answer>(to request: APIRequest<Answer>) async throws -> APIAnswer {
    let end = ContinuousClock.now + configuration.timeout
    var schedule = RetrySchedule()
    var generator = SystemRandomNumberGenerator()
    var earlier: (any Error)?
    while true {
      do {
        return try await attempt(request, before: end)
      } catch let failure as TLSFailure where failure.isLasting {
        throw ClientError.unreachable(address: base, reason: failure.description)
      } catch {
        let remaining = end - ContinuousClock.now
        guard Self.mayRepeat(request.repetition, after: error),
          let pause = schedule.next(
            remaining: remaining, atLeast: .seconds((error as? Problem)?.retryAfter ?? 0), using: &generator)
        else {
          // A last try that the end of the time cut short says less than the one before it. (Where a request must not
          // be repeated, it says that it may have been sent.)
          if case ClientError.interrupted = error, request.repetition == .always, let earlier { throw earlier }
          throw error
        }
        earlier = error
        try await Task.sleep(for: pause)
      }
    }
  }

  /// Whether a call that ended so may be made again.
  static func mayRepeat<Answer>(_ repetition: APIRequest<Answer>.Repetition, after error: any Error) -> Bool {
    switch error {
    case _ where repetition == .once: false
    case ClientError.unreachable: true
    case ClientError.interrupted: repetition == .always
    // Of the coordinator's own answers, these say that another try may go better.
    case let problem as Problem: repetition == .always && [502, 503, 504].contains(problem.status)
    default: false
    }
  }

  private func attempt<Answer>(
    _ request: APIRequest<Answer>, before end: ContinuousClock.Instant
  ) async throws -> APIAnswer {
    var message = HTTPClientRequest(url: base + request.target)
    message.method = HTTPMethod(rawValue: request.method.rawValue)
    message.headers.add(name: "Accept", value: "application/json, application/problem+json, */*;q=0.5")
    if let token = configuration.token { message.headers.add(name: "Authorization", value: "Bearer \(token)") }
    for (name, value) in request.headers { message.headers.add(name: name, value: value) }
    if let body = request.body {
      message.headers.add(name: "Content-Type", value: "application/json")
      message.body = .bytes(ByteBuffer(bytes: body))
    }
    let answer: APIAnswer
    do {
      let remaining = max(.milliseconds(1), end - ContinuousClock.now)
      let response = try await http.execute(message, timeout: Self.amount(remaining))
      let body = try await response.body.collect(upTo: configuration.maximumAnswerBytes)
      answer = APIAnswer(
        status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
        body: Array(body.readableBytesView))
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      if let failure = TLSFailure(error), failure.isLasting { throw failure }
      throw Self.clientError(error, address: base)
    }
    guard (200..<300).contains(answer.status) else { throw Self.problem(answer) }
    return answer
  }

  /// What the coordinator refused, also when something in between answered in its place.
  private static func problem(_ answer: APIAnswer) -> Problem {
    var problem = words(of: answer)
    problem.retryAfter = answer.header("Retry-After").flatMap(Self.seconds)
    return problem
  }

  /// A number of seconds; nil for a date, which nobody sends who asks for a moment, and for what makes no sense.
  static func seconds(_ text: String) -> Double? {
    guard let seconds = UInt32(text) else { return nil }
    return Double(seconds)
  }

  private static func words(of answer: APIAnswer) -> Problem {
    if let problem = try? Problem(json: answer.body), problem.status != 0 || !problem.code.isEmpty {
      var problem = problem
      problem.status = answer.status
      return problem
    }
    let text = String(decoding: answer.body.prefix(200), as: UTF8.self)
    return Problem(
      status: answer.status, title: "HTTP status \(answer.status)",
      detail: "HTTP status \(answer.status)" + (text.isEmpty ? "" : ": \(text)"), code: "")
  }

  private static func clientError(_ error: any Error, address: String) -> ClientError {
    let reason = ConnectionFailure.words(error)
    switch error {
    case is NIOConnectionError: return .unreachable(address: address, reason: reason)
    case let error as HTTPClientError where error == .connectTimeout:
      return .unreachable(address: address, reason: reason)
    case let error as IOError where error.errnoCode == ECONNREFUSED:
      return .unreachable(address: address, reason: reason)
    case _ where TLSFailure(error)?.wasInHandshake == true: return .unreachable(address: address, reason: reason)
    case is NIOTooManyBytesError: return .unreadable("it is larger than this client takes")
    default: return .interrupted(address: address, reason: reason)
    }
  }

  /// The address without a trailing slash, checked.
  static func base(of address: String) throws -> String {
    var base = Substring(address)
    while base.hasSuffix("/") { base.removeLast() }
    let rest =
      base.lowercased().hasPrefix("http://")
      ? base.dropFirst(7) : base.lowercased().hasPrefix("https://") ? base.dropFirst(8) : ""
    // A user's name and password in an address would end up in every error message.
    guard let first = rest.first, first != "/", first != ":", first != "?",
      !rest.contains(where: { $0.isWhitespace || $0 == "@" || $0 == "#" || $0 == "?" })
    else { throw ClientError.invalidAddress(address.contains("@") ? "…@…" : address) }
    return String(base)
  }

  private static func amount(_ duration: Duration) -> TimeAmount {
    let (seconds, attoseconds) = duration.components
    return .nanoseconds(
      seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue + attoseconds / 1_000_000_000)
  }
}
