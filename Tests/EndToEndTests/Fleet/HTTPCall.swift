import AsyncHTTPClient
import BatonClient
import BatonShared
import NIOCore

/// An answer of any status.
struct HTTPReply: Sendable {
  var status: Int
  var headers: [(name: String, value: String)]
  var body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The `code` of a problem.
  var code: String? { (try? Problem(json: body))?.code }
}

/// Lives as long as the tests. It says at once when nobody listens, instead of trying on until the time is up.
private let client: HTTPClient = {
  var configuration = HTTPClient.Configuration()
  configuration.redirectConfiguration = .disallow
  configuration.connectionPool.retryConnectionEstablishment = false
  configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
  return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
}()

/// Makes one HTTP request, without repetition.
func call(
  _ method: String, _ url: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
  timeout: Duration = .seconds(10)
) async throws -> HTTPReply {
  var request = HTTPClientRequest(url: url)
  request.method = .init(rawValue: method)
  for (name, value) in headers { request.headers.add(name: name, value: value) }
  if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
  let seconds = timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000
  let response = try await client.execute(request, timeout: .milliseconds(seconds))
  let answer = try await response.body.collect(upTo: 64 << 20)
  return HTTPReply(
    status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
    body: Array(answer.readableBytesView))
}

/// Makes one call of the coordinator's contract, without repetition.
/// - Throws: `Problem` when it is refused.
@discardableResult
func send<Answer>(
  _ request: APIRequest<Answer>, to address: String, timeout: Duration = .seconds(10)
) async throws -> Answer {
  let reply = try await call(
    request.method.rawValue, address + request.target, headers: request.headers.map { ($0.name, $0.value) },
    body: request.body, timeout: timeout)
  guard (200..<300).contains(reply.status) else {
    var problem =
      (try? Problem(json: reply.body))
      ?? Problem(status: reply.status, title: "HTTP status \(reply.status)", detail: reply.text, code: "")
    problem.status = reply.status
    throw problem
  }
  return try request.answer(from: APIAnswer(status: reply.status, headers: reply.headers, body: reply.body))
}
