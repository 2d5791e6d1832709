/// Why the instance metadata could not be read.
enum IMDSError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Refused, no route, or timed out: most likely there is no such service.
  case unreachable
  /// HTTP 403, or 401 again with a new token: it is there, but not for us.
  case forbidden(status: UInt)
  /// HTTP 503, 429 and the like: it will be better soon.
  case busy(status: UInt)
  case unexpected(status: UInt)

  init(status: UInt) {
    self =
      switch status {
      case 401, 403: .forbidden(status: status)
      case 429, 500...599: .busy(status: status)
      default: .unexpected(status: status)
      }
  }

  var description: String {
    switch self {
    case .unreachable: "the instance metadata service does not answer"
    case .forbidden(let status): "the instance metadata service refuses (HTTP \(status))"
    case .busy(let status): "the instance metadata service is busy (HTTP \(status))"
    case .unexpected(let status): "the instance metadata service answered HTTP \(status)"
    }
  }
}
