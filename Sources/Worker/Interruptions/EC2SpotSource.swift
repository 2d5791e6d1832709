import BatonShared
import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Polls the spot notice of EC2.
struct EC2SpotSource: InterruptionSource {
  let imds: IMDSClient
  /// How often to look, in seconds.
  let pollInterval: Double
  let drain: DrainController
  /// Called with what the instance is, once that is known.
  let onIdentity: @Sendable (InstanceIdentity) async -> Void
  let metrics: WorkerMetrics
  let logger: Logger
  var now: @Sendable () -> Date = { Date() }

  func watch() async {
    var availability = NoticeAvailability()
    var announced: SpotInstanceAction?
    var backoff = Backoff(base: max(pollInterval, 0.05), limit: 60)
    var hasIdentity = false
    while !Task.isCancelled {
      let wait: Duration
      do {
        if !hasIdentity {
          await onIdentity(try await InstanceIdentity.read(from: imds))
          hasIdentity = true
        }
        if let text = try await imds.read("spot/instance-action") { report(text, &announced) }
        note(availability.succeeded())
        backoff.reset()
        wait = .seconds(pollInterval)
      } catch let error as IMDSError {
        note(availability.failed(error))
        // Not on EC2 at all, most likely: look rarely. Busy: soon again, but not in step with the whole fleet.
        wait = error.isTransient && availability.hasEverSucceeded ? .seconds(pollInterval) + jitter : backoff.next()
      } catch {
        return
      }
      try? await Task.sleep(for: wait)
    }
  }

  private var jitter: Duration { .seconds(Double.random(in: 0...(pollInterval / 2))) }

  /// The event is the action on this instance, not its text: each poll sees it again, and some doubles move its time
  /// along, so only the first sight and a nearer time count.
  private func report(_ text: String, _ announced: inout SpotInstanceAction?) {
    guard let action = SpotInstanceAction(text) else {
      logger.warning("the spot notice is not understood", metadata: ["text": "\(text.prefix(200))"])
      return
    }
    if let announced, announced.action == action.action, action.time >= announced.time { return }
    announced = action
    drain.receive(
      InterruptionNotice(
        source: "ec2_spot", action: action.action, secondsLeft: action.secondsLeft(at: now())))
  }

  private func note(_ change: NoticeAvailability.Change?) {
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
}

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

extension IMDSError {
  var isTransient: Bool {
    switch self {
    case .busy, .unreachable: true
    case .forbidden, .unexpected: false
    }
  }
}
