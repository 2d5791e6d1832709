import BatonShared

/// Why a call to the coordinator brought no answer that can be used. A refusal is a `Problem` instead.
public enum ClientError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The address is no HTTP address.
  case invalidAddress(String)
  /// No connection could be made: the request has not reached the coordinator.
  case unreachable(address: String, reason: String)
  /// The connection broke, or the time was up, after the request may have been sent.
  case interrupted(address: String, reason: String)
  /// The answer is not what the contract says.
  case unreadable(String)

  /// Whether the request cannot have had an effect.
  public var wasNotSent: Bool {
    switch self {
    case .invalidAddress, .unreachable: true
    case .interrupted, .unreadable: false
    }
  }

  public var description: String {
    switch self {
    case .invalidAddress(let text): "'\(text)' is not an address such as http://127.0.0.1:8080"
    case .unreachable(let address, let reason): "cannot reach the coordinator at \(address): \(reason)"
    case .interrupted(let address, let reason): "no answer from the coordinator at \(address): \(reason)"
    case .unreadable(let what): "the coordinator's answer cannot be read: \(what)"
    }
  }
}
