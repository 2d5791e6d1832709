import ArgumentParser
import BatonClient
import BatonShared

/// What the command ends with; see `Baton`'s help. The numbers above 63 are those of `sysexits.h`.
enum ExitStatus {
  static let success: Int32 = 0
  /// A job failed or was cancelled, or the answer is no.
  static let negative: Int32 = 1
  static let usage: Int32 = 64
  /// Input that cannot be used.
  static let data: Int32 = 65
  /// A file that cannot be read.
  static let noInput: Int32 = 66
  /// No coordinator, or one that cannot serve at the moment.
  static let unavailable: Int32 = 69
  static let cannotCreate: Int32 = 73
  /// The coordinator speaks otherwise than this command.
  static let protocolError: Int32 = 76
  /// No token, a wrong one, or one that may not do this.
  static let noPermission: Int32 = 77

  /// The number and the words for an error; nil for those that swift-argument-parser speaks for.
  static func of(_ error: any Error) -> (code: Int32, message: String)? {
    switch error {
    case let failure as CommandFailure:
      (failure.code, failure.message)
    case let problem as Problem:
      switch problem.status {
      case 401: (noPermission, "\(problem) (a token is given with --token or BATON_TOKEN)")
      case 403: (noPermission, problem.description)
      case 502, 503, 504: (unavailable, problem.description)
      default: (negative, problem.description)
      }
    case let error as ClientError:
      switch error {
      case .invalidAddress: (usage, error.description)
      case .unreachable, .interrupted: (unavailable, error.description)
      case .unreadable: (protocolError, error.description)
      }
    default: nil
    }
  }
}

/// An error with words for the user and a number for scripts.
struct CommandFailure: Error, Equatable {
  let code: Int32
  let message: String

  init(_ code: Int32, _ message: String) {
    self.code = code
    self.message = message
  }
}
