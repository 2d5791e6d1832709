import BatonShared
import Hummingbird
import NIOCore

/// A request's body as it comes in: kept while it is within its limits, then read on and thrown away, so that a client
/// that sends first and reads later gets its answer instead of a connection that is stuck or cut.
///
/// Everything here is synchronous: what an `async` function needs is kept by its connection for as long as that is open.
struct CollectedBody {
  /// How much of a body that is too large is read and thrown away.
  private static let discardLimit = 64 << 20

  /// A body that is smaller is not worth counting: connections are counted.
  private static let uncountedBytes = 4 << 10

  private let limit: Int
  private let share: MemoryShare?
  /// What the header says.
  private let length: Int?
  private var bytes: [UInt8] = []
  private var size = 0
  private var refusal: Problem?

  /// - Parameter share: What it is counted in as it grows; nil for no counting.
  /// - Throws: `Problem` (413) when the client waits for leave to send, and is not to.
  @inline(never)
  init(of request: Request, upTo limit: Int, share: MemoryShare?) throws(Problem) {
    self.limit = limit
    self.share = share
    length = request.headers[.contentLength].flatMap { Int($0) }
    let declared = length ?? 0
    if declared > limit, request.headers[.expect] != nil { throw tooLarge }
    count(declared)
    if refusal == nil, declared <= limit { bytes.reserveCapacity(declared) }
  }

  private var tooLarge: Problem { Problem(.payloadTooLarge, "the body must be at most \(limit) bytes") }

  /// - Returns: Whether to read on.
  @inline(never)
  mutating func append(_ chunk: ByteBuffer) -> Bool {
    size += chunk.readableBytes
    count(size)
    if size <= limit, refusal == nil { bytes.append(contentsOf: chunk.readableBytesView) } else { bytes = [] }
    return size <= limit + Self.discardLimit
  }

  private mutating func count(_ size: Int) {
    guard refusal == nil, size > Self.uncountedBytes, size <= limit, let share else { return }
    do throws(Problem) { try share.grow(to: size) } catch { refusal = error }
  }

  /// All of it, once the sender has ended.
  /// - Throws: `Problem`: 413 when it is too large, 503 when there was no memory for it, 400 when it was cut short.
  @inline(never)
  consuming func whole() throws(Problem) -> [UInt8] {
    if size > limit { throw tooLarge }
    if let refusal { throw refusal }
    // Half a body is nothing: the sender may have been cut off.
    if let length, size < length { throw Problem(.invalidRequest, "the body ended before its Content-Length") }
    return bytes
  }
}
