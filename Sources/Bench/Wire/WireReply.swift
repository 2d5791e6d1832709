import NIOCore

/// An answer, with the moments at which its request was written and its last byte was read.
struct WireReply: Sendable {
  var status: Int
  var body: ByteBuffer
  var sentAt: ContinuousClock.Instant
  var receivedAt: ContinuousClock.Instant

  /// - Throws: `BenchError` with what the server said, unless it answered with `expected`.
  func expect(_ expected: Int, _ what: String) throws(BenchError) {
    guard status == expected else {
      throw BenchError("\(what) was answered \(status): \(String(buffer: body).prefix(300))")
    }
  }
}

/// Cuts answers out of what a connection delivers.
///
/// It reads the status and the length of the body and nothing else: a general parser of HTTP costs the generator
/// several times as much, and the generator shares the machine with what it measures.
struct WireReplyParser {
  enum Outcome: Equatable {
    /// An answer and how many bytes it took; its body is what ends there.
    case reply(status: Int, body: Range<Int>)
    case incomplete
    case unreadable(String)
  }

  private static let maximumHead = 16_384

  /// Looks for one whole answer at the beginning of `bytes`.
  static func parse(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    guard let headEnd = endOfHead(bytes) else {
      return bytes.count > maximumHead ? .unreadable("an answer without an end of its head") : .incomplete
    }
    guard headEnd >= 16, let status = number(bytes[9..<12]), bytes.starts(with: "HTTP/1.".utf8) else {
      return .unreadable("no HTTP/1.1")
    }
    var length: Int?
    var line = 0
    while line < headEnd {
      var end = line
      while end < headEnd, bytes[end] != 0x0D { end += 1 }
      if let value = value(of: "content-length:", in: bytes[line..<end]) {
        length = number(value)
      } else if value(of: "transfer-encoding:", in: bytes[line..<end]) != nil {
        return .unreadable("an answer in chunks, which this client does not read")
      }
      line = end + 2
    }
    let hasBody = status != 204 && status != 304
    guard let length = length ?? (hasBody ? nil : 0) else { return .unreadable("an answer without a length") }
    guard bytes.count >= headEnd + length else { return .incomplete }
    return .reply(status: status, body: headEnd..<headEnd + length)
  }

  /// Where the body begins.
  private static func endOfHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 3
    while index < bytes.count {
      // Most bytes of a head are neither, and then four can be passed over at once.
      switch bytes[index] {
      case 0x0A:
        if bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D { return index + 1 }
        index += 2
      case 0x0D: index += 1
      default: index += 4
      }
    }
    return nil
  }

  private static func value(of name: StaticString, in line: Slice<UnsafeRawBufferPointer>)
    -> Slice<UnsafeRawBufferPointer>?
  {
    let count = name.utf8CodeUnitCount
    guard line.count >= count else { return nil }
    for offset in 0..<count where line[line.startIndex + offset] | 0x20 != name.utf8Start[offset] | 0x20 { return nil }
    var value = line.dropFirst(count)
    while value.first == 0x20 { value.removeFirst() }
    return value
  }

  private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard !digits.isEmpty, digits.count <= 12 else { return nil }
    var number = 0
    for byte in digits {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      number = number * 10 + Int(byte - 0x30)
    }
    return number
  }
}
