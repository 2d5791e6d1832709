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
    var collected = try CollectedBody(of: self, upTo: limit, share: share)
    for try await chunk in body { guard collected.append(chunk) else { break } }
    return try collected.whole()
  }

  /// The body, read as JSON.
  func decode<Value: JSONDecodable>(
    _ type: Value.Type = Value.self, upTo limit: Int, in context: APIContext
  ) async throws -> Value {
    let bytes = try await bytes(upTo: limit, share: context.share)
    guard !bytes.isEmpty else { throw JSONError(expected: "JSON; it is empty") }
    if bytes.count <= Self.quicklyRead { return try Value(json: bytes) }
    // Other connections wait for this thread.
    return try await withTaskExecutorPreference(globalConcurrentExecutor) { try Value(json: bytes) }
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
