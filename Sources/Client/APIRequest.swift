import BatonJSON
import BatonShared

/// One call of the coordinator's HTTP contract, as a value: what is sent, and how the answer is read.
public struct APIRequest<Answer: Sendable>: Sendable {
  public enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
  }

  /// When a call that brought no answer may be sent once more.
  public enum Repetition: Sendable {
    /// Always: it changes nothing, or its repeat is recognised.
    case always
    /// Only when it cannot have reached the coordinator.
    case unlessSent
    /// Never.
    case once
  }

  public var method: Method
  /// The path, percent-encoded, with a leading slash.
  public var path: String
  /// Names and values of the query, not encoded.
  public var query: [(name: String, value: String)]
  /// Further header fields.
  public var headers: [(name: String, value: String)]
  /// A JSON text; nil for no body.
  public var body: [UInt8]?
  public var repetition: Repetition
  let read: @Sendable (APIAnswer) throws -> Answer

  public init(
    _ method: Method, _ path: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], body: [UInt8]? = nil, repetition: Repetition? = nil,
    read: @escaping @Sendable (APIAnswer) throws -> Answer
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.repetition = repetition ?? (method == .get ? .always : .unlessSent)
    self.read = read
  }

  /// The path with its query, as it stands in the request line.
  public var target: String {
    guard !query.isEmpty else { return path }
    return path + "?"
      + query.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
  }

  /// Reads what the coordinator answered.
  /// - Throws: `ClientError.unreadable` when it is not what the contract says.
  public func answer(from answer: APIAnswer) throws -> Answer {
    do {
      return try read(answer)
    } catch let error as JSONError {
      throw ClientError.unreadable("\(method.rawValue) \(path): \(error)")
    }
  }
}

extension APIRequest where Answer: JSONDecodable {
  /// A call that is answered with JSON.
  public init(
    _ method: Method, _ path: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], body: [UInt8]? = nil, repetition: Repetition? = nil
  ) {
    self.init(method, path, query: query, headers: headers, body: body, repetition: repetition) {
      try Answer(json: $0.body)
    }
  }
}

/// What the coordinator answered to a request that it accepted (status 2xx).
public struct APIAnswer: Sendable {
  public var status: Int
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]

  public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The first header field of that name, in any letter case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

enum PercentEncoding {
  /// Everything but what RFC 3986 calls unreserved, as `%XX`.
  static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        bytes.append(byte)
      default:
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
