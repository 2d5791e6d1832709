import NIOCore

/// Where requests go, and how they are written: HTTP/1.1 with as few bytes as it takes.
public struct WireTarget: Sendable, Hashable {
  public let host: String
  public let port: Int
  private let token: String?

  /// - Parameters:
  ///   - address: `http://host:port`, without a path.
  ///   - token: Sent as bearer token; never part of an error.
  /// - Throws: `BenchError` when the address is none of that form.
  public init(address: String, token: String? = nil) throws(BenchError) {
    let scheme = "http://"
    guard address.lowercased().hasPrefix(scheme) else {
      throw BenchError("the address must be http://host:port; the load generator speaks plain HTTP/1.1")
    }
    var rest = address.dropFirst(scheme.count)
    if rest.last == "/" { rest.removeLast() }
    let colon = rest.lastIndex { $0 == ":" }
    let isBracketed = rest.last == "]"
    let name = colon.map { isBracketed ? rest : rest[..<$0] } ?? rest
    let number = colon.flatMap { isBracketed ? nil : Int(rest[rest.index(after: $0)...]) }
    guard !name.isEmpty, !rest.contains(where: { "/@?# ".contains($0) }),
      (1...65_535).contains(number ?? 80), colon == nil || isBracketed || number != nil
    else {
      throw BenchError("the address must be http://host:port, without a path")
    }
    host = String(name.filter { $0 != "[" && $0 != "]" })
    port = number ?? 80
    self.token = token.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The bytes of a request on a connection that is kept.
  func request(_ method: String, _ path: String, body: [UInt8]? = nil) -> ByteBuffer {
    let name = host.contains(":") ? "[\(host)]" : host
    var head = "\(method) \(path) HTTP/1.1\r\nHost: \(name):\(port)\r\n"
    if let token { head += "Authorization: Bearer \(token)\r\n" }
    if let body {
      head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
    } else if method != "GET" {
      head += "Content-Length: 0\r\n"
    }
    head += "\r\n"
    var buffer = ByteBuffer()
    buffer.reserveCapacity(head.utf8.count + (body?.count ?? 0))
    buffer.writeString(head)
    if let body { buffer.writeBytes(body) }
    return buffer
  }
}
