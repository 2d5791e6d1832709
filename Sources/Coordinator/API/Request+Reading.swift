import BatonJSON
import BatonShared
import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
  /// A body that is smaller is read in a few hundred microseconds at the most.
  private static let quicklyRead = 64 << 10

  /// The whole body.
  /// - Parameter share: What it is counted in as it grows; nil for no counting.
  /// - Throws: `Problem` (413) when it is larger than `limit`, (503) when there is no memory for it, (400) when it ends
  ///   early.
  func bytes(upTo limit: Int, share: MemoryShare? = nil) async throws -> [UInt8] {
    let collected = try CollectedBody(of: self, upTo: limit, share: share)
    for try await chunk in body {
      if !collected.add(chunk) { break }
    }
    return try collected.bytes()
  }

  /// The body, read as JSON.
  func decode<Value: JSONDecodable>(
    _ type: Value.Type = Value.self, upTo limit: Int, in context: APIContext
  ) async throws -> Value {
    let bytes = try await bytes(upTo: limit, share: context.share)
    guard !bytes.isEmpty else { throw JSONError(expected: "JSON; it is empty") }
    return bytes.count <= Self.quicklyRead ? try Value(json: bytes) : try await Self.decodeElsewhere(bytes)
  }

  /// Other connections wait for this thread.
  @inline(never)
  private static func decodeElsewhere<Value: JSONDecodable>(_ bytes: [UInt8]) async throws -> Value {
    try await withTaskExecutorPreference(globalConcurrentExecutor) { try Value(json: bytes) }
  }

  /// Makes sure that a body, if there is one, says nothing: for routes that take none.
  func expectNoFields() async throws {
    let bytes = try await bytes(upTo: 1024)
    if bytes.isEmpty { return }
    var reader = try JSONReader(bytes)
    try reader.object { _, _ throws(JSONError) in
      throw JSONError(expected: "left out: there is no such field")
    }
    try reader.end()
  }
}

/// A body as it comes in. By itself, so that those who wait for its pieces keep nothing but where it is.
private final class CollectedBody {
  /// How much of a body that is too large is read and thrown away, so that a client that sends first and reads later
  /// gets its answer instead of a connection that is stuck or cut.
  private static let discardLimit = 64 << 20

  /// A body that is smaller is not worth counting: connections are counted.
  private static let uncountedBytes = 4 << 10

  /// As its header says.
  private let length: Int?
  private let limit: Int
  private let share: MemoryShare?
  private var collected: [UInt8] = []
  private var size = 0
  private var refusal: Problem?

  private var tooLarge: Problem { Problem(.payloadTooLarge, "the body must be at most \(limit) bytes") }

  init(of request: Request, upTo limit: Int, share: MemoryShare?) throws {
    self.limit = limit
    self.share = share
    length = request.headers[.contentLength].flatMap(Int.init)
    let declared = length ?? 0
    // The client waits for leave to send: it needs none of this.
    if declared > limit && request.headers[.expect] != nil { throw tooLarge }
    count(declared)
    if refusal == nil, declared <= limit { collected.reserveCapacity(declared) }
  }

  private func count(_ bytes: Int) {
    guard refusal == nil, bytes > Self.uncountedBytes, bytes <= limit, let share else { return }
    do throws(Problem) { try share.grow(to: bytes) } catch { refusal = error }
  }

  /// - Returns: Whether more of it is wanted.
  func add(_ chunk: ByteBuffer) -> Bool {
    size += chunk.readableBytes
    count(size)
    if size <= limit, refusal == nil { collected.append(contentsOf: chunk.readableBytesView) } else { collected = [] }
    return size <= limit + Self.discardLimit
  }

  /// All of it, when its end has come.
  func bytes() throws -> [UInt8] {
    if size > limit { throw tooLarge }
    if let refusal { throw refusal }
    // Half a body is nothing: the sender may have been cut off.
    if let length, size < length { throw Problem(.invalidRequest, "the body ended before its Content-Length") }
    return collected
  }
}

extension APIContext {
  private var pathID: String? { parameters.get("id").flatMap { PercentEncoding.decode($0) } }

  /// The job id in the path.
  /// - Throws: `Problem` (404) when it is no UUID: there is no such job.
  func jobID() throws -> JobID {
    guard let text = pathID, let id = JobID(text) else { throw Problem.noSuchJob }
    return id
  }

  /// The lease id in the path.
  /// - Throws: `Problem` (409 `lease_lost`) when it is no UUID: no such lease is in force.
  func leaseID() throws -> LeaseID {
    guard let text = pathID, let id = LeaseID(text) else { throw Problem.leaseLost }
    return id
  }

  /// The name of a worker or queue in the path.
  func name(_ what: String, atMost limit: Int = Names.maximumLength) throws -> String {
    guard let name = pathID, Names.isValid(name) else {
      throw Problem(.invalidRequest, "the \(what)'s name must be \(Names.expected)")
    }
    guard name.utf8.count <= limit else {
      throw Problem(.invalidRequest, "the \(what)'s name must be at most \(limit) bytes")
    }
    return name
  }
}

extension Problem {
  static let noSuchJob = Problem(.notFound, "there is no such job")
  static let leaseLost = Problem(
    .leaseLost, "the lease is not in force: it expired, was settled, or never was; stop working on the job")
}
