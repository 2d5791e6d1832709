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

extension Problem {
  /// The problem as `application/problem+json`.
  func response(adding headers: HTTPFields = [:]) -> Response {
    var headers = headers
    switch status {
    case 401: headers[.wwwAuthenticate] = "Bearer"
    case 503: headers[.retryAfter] = "1"
    default: break
    }
    return .bytes(
      json, contentType: "application/problem+json", status: HTTPResponse.Status(code: status), headers: headers)
  }
}
