import BatonClient
import BatonJSON
import BatonShared
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

/// An HTTP server on loopback that answers as a test wants, and remembers what it was asked.
final class CoordinatorDouble: Sendable {
  struct Received: Sendable {
    var method: String
    /// Path and query.
    var target: String
    var headers: [String: String]
    var body: String
  }

  struct Answer: Sendable {
    var status = 200
    var type = "application/json"
    var headers: [String: String] = [:]
    var body = ""

    static func json(_ text: String, status: Int = 200) -> Answer { Answer(status: status, body: text) }

    static func json(_ value: some JSONEncodable, status: Int = 200) -> Answer {
      json(String(decoding: value.json, as: UTF8.self), status: status)
    }

    static func problem(_ problem: Problem) -> Answer {
      Answer(
        status: problem.status, type: "application/problem+json", body: String(decoding: problem.json, as: UTF8.self))
    }
  }

  typealias Script = @Sendable (_ request: Received, _ number: Int) -> Answer

  let address: String
  private let requests = Mutex<[Received]>([])

  private init(address: String) { self.address = address }

  /// All requests so far.
  var received: [Received] { requests.withLock { $0 } }

  /// Runs a server as long as `body` runs.
  /// - Parameter script: Makes the answer to the request that is the `number`-th, from 0.
  static func run<Result: Sendable>(
    _ script: @escaping Script, _ body: @Sendable @escaping (CoordinatorDouble) async throws -> Result
  ) async throws -> Result {
    let double = Mutex<CoordinatorDouble?>(nil)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let app = Application(
      responder: CallbackResponder { (request: Request, _: BasicRequestContext) in
        let body = try await request.body.collect(upTo: 64 << 20)
        let received = Received(
          method: request.method.rawValue, target: request.uri.string,
          headers: request.headers.reduce(into: [:]) { $0[$1.name.canonicalName] = $1.value },
          body: String(buffer: body))
        let number = double.withLock { $0?.note(received) ?? 0 }
        return response(script(received, number))
      },
      configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { channel in continuation.yield(channel.localAddress?.port ?? 0) },
      logger: Logger(label: "double") { _ in SwiftLogNoOpLogHandler() })
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await app.run() }
      var iterator = ports.makeAsyncIterator()
      guard let port = await iterator.next() else { throw CancellationError() }
      let server = CoordinatorDouble(address: "http://127.0.0.1:\(port)")
      double.withLock { $0 = server }
      let result = try await body(server)
      group.cancelAll()
      return result
    }
  }

  private func note(_ request: Received) -> Int {
    requests.withLock {
      $0.append(request)
      return $0.count - 1
    }
  }

  private static func response(_ answer: Answer) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = answer.type
    for (name, value) in answer.headers { headers[HTTPField.Name(name)!] = value }
    return Response(
      status: .init(code: answer.status), headers: headers, body: .init(byteBuffer: ByteBuffer(string: answer.body)))
  }
}
