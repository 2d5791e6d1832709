/// One answer of HTTP/1.1, read from the bytes of a connection.
public struct RawAnswer: Sendable {
  public let status: Int
  /// By names in lower case.
  public let headers: [String: String]
  public let body: [UInt8]
  /// How many bytes of the connection it was.
  public let byteCount: Int

  /// nil while it is not whole, or is no answer.
  /// - Parameters:
  ///   - method: Of the request: an answer to `HEAD` has no body, whatever its header says.
  ///   - isClosed: Whether nothing more will come, which ends a body of unknown length.
  public init?(_ bytes: some RandomAccessCollection<UInt8>, to method: String = "GET", isClosed: Bool = false) {
    let bytes = Array(bytes)
    guard let end = bytes.indices.dropLast(3).first(where: { bytes[$0..<($0 + 4)].elementsEqual("\r\n\r\n".utf8) })
    else { return nil }
    var lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")[...]
    guard let first = lines.popFirst(), first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
    else { return nil }
    var headers: [String: String] = [:]
    for line in lines {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      headers[line[..<colon].lowercased()] = String(value)
    }
    let start = end + 4
    let length: Int
    if method == "HEAD" || status == 204 || status == 304 || (100..<200).contains(status) {
      length = 0
    } else if let declared = headers["content-length"].flatMap({ Int($0) }) {
      length = declared
    } else if isClosed {
      length = bytes.count - start
    } else {
      return nil
    }
    guard bytes.count >= start + length else { return nil }
    (self.status, self.headers) = (status, headers)
    body = Array(bytes[start..<(start + length)])
    byteCount = start + length
  }

  public var text: String { String(decoding: body, as: UTF8.self) }
}
