/// Why a job is stopped before its time.
enum Halt: Sendable, Equatable {
  /// A user asked for it.
  case cancel
  /// It has run for longer than its `timeout_seconds`.
  case timeout(seconds: Double)
  /// The coordinator says that the lease is not in force any more: nothing is reported.
  case lost
  /// The lease could not be renewed in time, so it may be somebody else's any moment now.
  case untrusted
  /// The worker is going away and the job wants no checkpoint, or did not hand back in time.
  case handBack(reason: String)

  /// How long the job may take to end by itself before it is killed, in seconds.
  func grace(ttl: Double) -> Double {
    switch self {
    case .cancel, .timeout: 5
    // The lease may be granted to somebody else when the margin is over.
    case .untrusted: LeaseTrust.margin(ttl: ttl) / 2
    case .lost: 0
    case .handBack: 0
    }
  }

  /// Whether it may replace `other`: knowing that the lease is gone overrides what was going to be reported.
  func outranks(_ other: Halt) -> Bool {
    rank > other.rank
  }

  private var rank: Int {
    switch self {
    case .cancel, .timeout: 0
    case .handBack: 1
    case .untrusted: 2
    case .lost: 3
    }
  }
}
