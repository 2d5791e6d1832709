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

  func submitted(_ id: Int64) -> ByteBuffer { job.filled(IDText.of(id).utf8) }

  func leased(_ lease: OneTable.Lease?) -> ByteBuffer {
    guard let lease else { return ByteBuffer(string: #"{"leases":[]}"#) }
    return self.lease.filled(IDText.of(lease.id).utf8, lease.payload)
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

  func filled(_ texts: any Collection<UInt8>...) -> ByteBuffer {
    var buffer = ByteBuffer(bytes: parts[0])
    for (text, part) in zip(texts, parts.dropFirst()) {
      buffer.writeBytes(text)
      buffer.writeBytes(part)
    }
    return buffer
  }
}

/// A row's number as a text of an id's length.
enum IDText {
  private static let name = Array(#""lease_id":""#.utf8)

  static func of(_ id: Int64) -> String {
    let digits = String(id, radix: 16)
    return "00000000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
  }

  /// The first lease's id in a request.
  static func first(in body: ByteBuffer) -> Int64? {
    body.withUnsafeReadableBytes { bytes in
      var index = 0
      while index + name.count + 36 <= bytes.count {
        guard bytes[index] == name[0], bytes[index..<index + name.count].elementsEqual(name) else {
          index += 1
          continue
        }
        let digits = bytes[(index + name.count + 24)..<(index + name.count + 36)]
        return Int64(String(decoding: digits, as: UTF8.self), radix: 16)
      }
      return nil
    }
  }
}
