import BatonJSON

/// An error as the coordinator and the worker answer it (RFC 9457, `application/problem+json`).
public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
  /// The stable words by which programs tell errors apart.
  public enum Code: String, Sendable, CaseIterable {
    case invalidRequest = "invalid_request"
    case unauthorized
    case forbidden
    case notFound = "not_found"
    case conflict
    case leaseLost = "lease_lost"
    case workerDraining = "worker_draining"
    case payloadTooLarge = "payload_too_large"
    case draining
    case databaseUnavailable = "database_unavailable"
    case methodNotAllowed = "method_not_allowed"
    case internalError = "internal_error"
  }

  public var status: Int
  public var title: String
  public var detail: String
  /// One of `Code`, or a word that this version does not know.
  public var code: String
  /// What the answer's header `Retry-After` asked for, in seconds; no part of the JSON.
  public var retryAfter: Double?

  public init(status: Int, title: String, detail: String, code: String) {
    self.status = status
    self.title = title
    self.detail = detail
    self.code = code
  }

  public init(_ code: Code, _ detail: String) {
    let (status, title) =
      switch code {
      case .invalidRequest: (400, "Invalid request")
      case .unauthorized: (401, "Unauthorized")
      case .forbidden: (403, "Forbidden")
      case .notFound: (404, "Not found")
      case .methodNotAllowed: (405, "Method not allowed")
      case .conflict: (409, "Conflict")
      case .leaseLost: (409, "Lease lost")
      case .workerDraining: (409, "Worker draining")
      case .payloadTooLarge: (413, "Payload too large")
      case .internalError: (500, "Internal error")
      case .draining: (503, "Draining")
      case .databaseUnavailable: (503, "Database unavailable")
      }
    self.init(status: status, title: title, detail: detail, code: code.rawValue)
  }

  public var knownCode: Code? { Code(rawValue: code) }

  public var description: String { detail.isEmpty ? title : detail }
}

extension Problem: JSONEncodable, JSONDecodable {
  public func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("status", status)
      writer.field("title", title)
      writer.field("detail", detail)
      writer.field("code", code)
    }
  }

  public init(from reader: inout JSONReader) throws(JSONError) {
    self.init(status: 0, title: "", detail: "", code: "")
    try reader.object { key, reader throws(JSONError) in
      switch key {
      case "status": status = try reader.int()
      case "title": title = try reader.string()
      case "detail": detail = try reader.string()
      case "code": code = try reader.string()
      default: try reader.skip()
      }
    }
  }
}
