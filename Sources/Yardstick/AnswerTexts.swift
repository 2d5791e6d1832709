import BatonJSON
import BatonShared
import NIOCore

/// Answers as long as a coordinator's, written once; only ids and payloads are put in.
struct AnswerTexts: Sendable {
  private let job: Template
  private let lease: Template

  init() {
    let id = JobIDGenerator().next()
    let leaseID = LeaseID()
    let payload = RawJSON(trusted: Array(#"{"n":1}"#.utf8))
    let now = Instant(microseconds: 1_800_000_000_123_456)
    job = Template(
      JobSnapshot(
        id: id, queue: "bench-0123456789abc", kind: "noop", status: .queued, payload: payload, priority: 0,
        placement: .any, onInterruption: .auto, tags: .emptyObject, attempt: 0, maxAttempts: 5, failures: 0,
        interruptions: 0, losses: 0, maxLosses: 5, timeoutSeconds: nil, progress: nil, checkpoint: nil, result: nil,
        error: nil, workerID: nil, runAt: now, createdAt: now, startedAt: nil, finishedAt: nil
      ).json, gaps: ["\(id)"])
    lease = Template(
      LeaseGrants(leases: [
        LeaseGrant(
          leaseID: leaseID, jobID: id, queue: "bench-0123456789abc", kind: "noop", payload: payload, attempt: 1,
          interruptions: 0, leaseTTLSeconds: 600, timeoutSeconds: nil, onInterruption: .auto, checkpoint: nil)
      ]).json, gaps: ["\(leaseID)", String(decoding: payload.bytes, as: UTF8.self)])
  }

  func submitted(_ id: Int64) -> ByteBuffer { job.filled(IDText.of(id)) }

  func leased(_ lease: OneTable.Lease?) -> ByteBuffer {
    guard let lease else { return ByteBuffer(string: #"{"leases":[]}"#) }
    return self.lease.filled(IDText.of(lease.id), lease.payload)
  }

  func settled(_ id: Int64, isAccepted: Bool) -> ByteBuffer {
    ByteBuffer(
      string: #"{"results":[{"lease_id":"\#(IDText.of(id))","status":"\#(isAccepted ? "accepted" : "lost")"}]}"#)
  }
}

/// A text with gaps.
private struct Template: Sendable {
  /// What stands before, between and after the gaps.
  private let parts: [[UInt8]]

  /// - Parameter gaps: What stands in the text, in this order; the first place of each is a gap.
  init(_ text: [UInt8], gaps: [String]) {
    var parts: [[UInt8]] = []
    var rest = text[...]
    for gap in gaps {
      guard let start = rest.indices.first(where: { rest[$0...].starts(with: gap.utf8) }) else {
        preconditionFailure("'\(gap)' is not in the text")
      }
      parts.append(Array(rest[..<start]))
      rest = rest[(start + gap.utf8.count)...]
    }
    self.parts = parts + [Array(rest)]
  }

  func filled(_ id: String, _ payload: [UInt8] = []) -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: 1024)
    buffer.writeBytes(parts[0])
    buffer.writeString(id)
    buffer.writeBytes(parts[1])
    if parts.count > 2 {
      buffer.writeBytes(payload)
      buffer.writeBytes(parts[2])
    }
    return buffer
  }
}

/// A row's number as a text of an id's length.
enum IDText {
  static func of(_ id: Int64) -> String {
    String(unsafeUninitializedCapacity: 36) { text in
      var rest = UInt64(bitPattern: id)
      for position in (0..<36).reversed() {
        if position == 8 || position == 13 || position == 18 || position == 23 {
          text[position] = UInt8(ascii: "-")
        } else {
          let digit = UInt8(rest & 15)
          text[position] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
          rest >>= 4
        }
      }
      return 36
    }
  }

  /// The first lease's id in a request.
  static func first(in body: ByteBuffer) -> Int64? {
    body.withUnsafeReadableBytes { bytes in
      guard let start = bytes.end(of: #""lease_id":""#), bytes.count - start >= 36 else { return nil }
      return Int64(String(decoding: bytes[(start + 24)..<(start + 36)], as: UTF8.self), radix: 16)
    }
  }
}

/// The payload of a submission, if it is an object without braces in its strings, as the benchmark's is.
enum PayloadText {
  static func first(in body: ByteBuffer) -> [UInt8]? {
    body.withUnsafeReadableBytes { bytes in
      guard let start = bytes.end(of: #""payload":"#) else { return nil }
      var depth = 0
      for index in start..<bytes.count {
        if bytes[index] == UInt8(ascii: "{") { depth += 1 }
        if bytes[index] == UInt8(ascii: "}") { depth -= 1 }
        if depth == 0 { return Array(bytes[start...index]) }
      }
      return nil
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Where `text` ends that stands in it; nil if it does not.
  fileprivate func end(of text: StaticString) -> Int? {
    let width = text.utf8CodeUnitCount
    var start = 0
    while start + width <= count {
      var length = 0
      while length < width, self[start + length] == text.utf8Start[length] { length += 1 }
      if length == width { return start + width }
      start += 1
    }
    return nil
  }
}
