import Logging

/// Whether notices can be read, told once a change: a pure value.
struct NoticeAvailability: Sendable {
  enum Change: Sendable, Equatable {
    case available(isAgain: Bool)
    case unavailable(IMDSError)
  }

  /// Transient failures in a row that are no news yet.
  private static let patience = 3

  private(set) var hasEverSucceeded = false
  private var isAvailable: Bool?
  private var failures = 0

  mutating func succeeded() -> Change? {
    failures = 0
    hasEverSucceeded = true
    defer { isAvailable = true }
    return isAvailable == true ? nil : .available(isAgain: isAvailable == false)
  }

  mutating func failed(_ error: IMDSError) -> Change? {
    failures += 1
    guard isAvailable != false else { return nil }
    // A service that answered before and throttles now is not gone.
    if error.isTransient, hasEverSucceeded, failures < Self.patience { return nil }
    isAvailable = false
    return .unavailable(error)
  }
}

/// Says so in the log, once a change, and in the metric, always.
struct AvailabilityReporter: Sendable {
  let metrics: WorkerMetrics
  let logger: Logger

  /// Of the place where the notice itself is read.
  func note(_ change: NoticeAvailability.Change?) {
    switch change {
    case .available(let isAgain)?:
      metrics.noticesUnavailable(false)
      if isAgain { logger.notice("interruption notices are available again") }
    case .unavailable(let error)?:
      metrics.noticesUnavailable(true)
      logger.warning(
        "interruption notices unavailable; an interruption will be found by lease expiry alone",
        metadata: ["error": "\(error)"])
    case nil: break
    }
  }

  /// Of another place, without which the notice is still read.
  func note(_ change: NoticeAvailability.Change?, path: String) {
    if case .unavailable(let error)? = change {
      logger.notice("a part of the metadata cannot be read", metadata: ["path": "\(path)", "error": "\(error)"])
    }
  }
}

extension IMDSError {
  var isTransient: Bool {
    switch self {
    case .busy, .unreachable: true
    case .forbidden, .unexpected: false
    }
  }
}
