import BatonJSON
import BatonShared
import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
  /// The whole body.
  /// - Throws: `Problem` (413) when it is larger than `limit`; a declared length is believed before a byte is read.
  func bytes(upTo limit: Int) async throws -> [UInt8] {
    let problem = Problem(.payloadTooLarge, "the body must be at most \(limit) bytes")
    if let length = headers[.contentLength].flatMap(Int.init), length > limit { throw problem }
    do {
      let buffer = try await body.collect(upTo: limit)
      return Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw problem
    }
  }

  /// The body, read as JSON.
  func decode<Value: JSONDecodable>(_ type: Value.Type = Value.self, upTo limit: Int) async throws -> Value {
    let bytes = try await bytes(upTo: limit)
    guard !bytes.isEmpty else { throw JSONError(expected: "JSON; it is empty") }
    return try Value(json: bytes)
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
  /// The job id in the path.
  /// - Throws: `Problem` (404) when it is no UUID: there is no such job.
  func jobID() throws -> JobID {
    guard let text = parameters.get("id"), let id = JobID(text) else { throw Problem.noSuchJob }
    return id
  }

  /// The lease id in the path.
  /// - Throws: `Problem` (409 `lease_lost`) when it is no UUID: no such lease is in force.
  func leaseID() throws -> LeaseID {
    guard let text = parameters.get("id"), let id = LeaseID(text) else { throw Problem.leaseLost }
    return id
  }

  /// The name of a worker or queue in the path.
  func name(_ what: String) throws -> String {
    guard let name = parameters.get("id"), Names.isValid(name) else {
      throw Problem(.invalidRequest, "the \(what)'s name must be \(Names.expected)")
    }
    return name
  }
}

extension Problem {
  static let noSuchJob = Problem(.notFound, "there is no such job")
  static let leaseLost = Problem(
    .leaseLost, "the lease is not in force: it expired, was settled, or never was; stop working on the job")
}
