import BatonShared

/// Why a call to the coordinator failed.
enum CoordinatorError: Error, Sendable, CustomStringConvertible {
  /// It answered with an error; `retryAfter` is what it asked for, in seconds.
  case refused(Problem, retryAfter: Double?)
  /// No answer: refused, reset, timed out, no such host.
  case unreachable(String)
  /// An answer that is none of ours, such as a proxy's page.
  case unintelligible(String)
  /// The lease is somebody else's, or no longer trusted here: nothing may be reported under it.
  case leaseLost

  /// Whether the same call may succeed later without anything changing on this side.
  var isTransient: Bool {
    switch self {
    case .refused(let problem, _):
      switch problem.status {
      case 408, 425, 429, 500, 502, 503, 504: true
      default: false
      }
    case .unreachable: true
    case .unintelligible, .leaseLost: false
    }
  }

  var retryAfter: Double {
    if case .refused(_, let seconds?) = self { min(max(0, seconds), 60) } else { 0 }
  }

  /// Whether it says that the lease is no longer in force.
  var isLeaseLost: Bool {
    switch self {
    case .leaseLost: true
    case .refused(let problem, _): problem.knownCode == .leaseLost
    case .unreachable, .unintelligible: false
    }
  }

  var description: String {
    switch self {
    case .refused(let problem, _): "HTTP \(problem.status): \(problem)"
    case .unreachable(let reason): "no answer: \(reason)"
    case .unintelligible(let reason): "an answer that is not the coordinator's: \(reason)"
    case .leaseLost: "the lease is lost"
    }
  }
}
