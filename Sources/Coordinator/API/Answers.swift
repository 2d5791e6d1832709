import BatonJSON
import BatonShared
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
  /// A JSON answer.
  static func json(_ value: some JSONEncodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:])
    -> Response
  {
    bytes(value.json, contentType: "application/json", status: status, headers: headers)
  }

  static func bytes(
    _ bytes: [UInt8], contentType: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) -> Response {
    var headers = headers
    headers[.contentType] = contentType
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}

extension Response {
  /// A JSON answer that may be large, and stays in memory for as long as the client takes to read it.
  /// - Throws: `Problem` (503) when there is no memory for it.
  static func json(_ value: some JSONEncodable, counted memory: MemoryBudget) throws(Problem) -> Response {
    let bytes = value.json
    let share = MemoryShare(of: memory)
    try share.grow(to: bytes.count)
    return .bytes(bytes, contentType: "application/json", holding: share)
  }

  /// A small answer is not worth counting: connections are counted.
  private static let uncountedBytes = 4 << 10

  /// The same answer.
  /// - Parameter share: Given back when the answer has been written, or cannot be; at once if it is small. nil for none.
  func holding(_ share: MemoryShare?) -> Response {
    guard let share else { return self }
    guard let length = body.contentLength, length > Self.uncountedBytes else {
      share.giveBack()
      return self
    }
    share.growAnyway(to: length)
    var response = self
    response.body = ResponseBody(contentLength: body.contentLength) { [body] writer in
      defer { share.giveBack() }
      try await body.write(writer)
    }
    return response
  }

  /// - Parameter share: Given back when the answer has been written, or cannot be.
  static func bytes(_ bytes: [UInt8], contentType: String, holding share: MemoryShare) -> Response {
    let body = ResponseBody(contentLength: bytes.count) { writer in
      defer { share.giveBack() }
      try await writer.write(ByteBuffer(bytes: bytes))
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: [.contentType: contentType], body: body)
  }
}

extension Problem {
  /// The problem as `application/problem+json`.
  func response(adding headers: HTTPFields = [:]) -> Response {
    var headers = headers
    switch status {
    case 408: headers[.connection] = "close"
    case 401: headers[.wwwAuthenticate] = "Bearer"
    case 503: headers[.retryAfter] = "1"
    default: break
    }
    return .bytes(
      json, contentType: "application/problem+json", status: HTTPResponse.Status(code: status), headers: headers)
  }

  /// The problem, told at once, whatever is still to come of the request. That is read and thrown away, as long as the
  /// connection's clocks allow: a client that sends first and reads later would not see the answer.
  func response(beforeTheEndOf request: Request) -> Response {
    let bytes = json
    let body = ResponseBody(contentLength: bytes.count) { writer in
      try await writer.write(ByteBuffer(bytes: bytes))
      try await writer.finish(nil)
      _ = try? await request.bytes(upTo: 0)
    }
    return Response(
      status: HTTPResponse.Status(code: status), headers: [.contentType: "application/problem+json"], body: body)
  }
}
