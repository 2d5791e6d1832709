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

  /// Whether the same call may succeed later, or at another coordinator, without anything changing on this side.
  ///
  /// So is everything but what a coordinator itself says of the request. A load balancer has pages of its own for every
  /// status, and a coordinator that has not read its tokens anew refuses one that the next will take: a job that has
  /// succeeded must not fail for that.
  var isTransient: Bool {
    switch self {
    case .refused(let problem, _):
      switch (problem.status, problem.knownCode) {
      case (413, _): false
      case (_, nil), (_, .unauthorized?), (_, .forbidden?), (408, _), (425, _), (429, _), (500..., _): true
      default: false
      }
    case .unreachable, .unintelligible: true
    case .leaseLost: false
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
