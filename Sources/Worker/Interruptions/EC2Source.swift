import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Polls every place in EC2's metadata where news can be, with one client and one token.
struct EC2Source: InterruptionSource {
  let imds: IMDSClient
  /// How often to look, in seconds.
  let pollInterval: Double
  let drain: DrainController
  /// Called with what the instance is, once that is known.
  let onIdentity: @Sendable (InstanceIdentity) async -> Void
  let reporter: AvailabilityReporter
  var now: @Sendable () -> Date = { Date() }

  /// What is known of one place.
  private struct Place {
    var availability = NoticeAvailability()
    /// What was not understood last, so that it is said once.
    var puzzle: String?
  }

  func watch() async {
    let notice = SpotActionSignal()
    let others: [any EC2Signal] = [RebalanceSignal(), LifecycleStateSignal(), MaintenanceSignal()]
    var places: [String: Place] = [:]
    var backoff = Backoff(base: max(pollInterval, 0.05), limit: 60)
    // A service that has answered and is busy now is asked again soon, since a notice may be waiting, but the more
    // rarely the longer that lasts.
    var patience = Backoff(base: min(1, pollInterval), limit: pollInterval * 3)
    var hasIdentity = false
    while !Task.isCancelled {
      let failure: IMDSError?
      do {
        failure = try await look(at: notice, &places)
        // Where nothing answers or too much is asked, more questions do not help; a refusal is that path's own.
        if failure?.isTransient != true {
          for signal in others { _ = try await look(at: signal, &places) }
          if !hasIdentity { hasIdentity = try await tellIdentity() }
        }
      } catch {
        return
      }
      let wait: Duration
      if failure == nil {
        backoff.reset()
        patience.reset()
        wait = .seconds(pollInterval * Double.random(in: 0.8...1))
      } else if failure?.isTransient == true, places[notice.path]?.availability.hasEverSucceeded == true {
        wait = patience.next()
      } else {
        // Not on EC2 at all, most likely, or not allowed: look rarely.
        wait = backoff.next()
      }
      try? await Task.sleep(for: wait)
    }
  }

  /// Looks at one place, whose failure is its own.
  ///
  /// - Returns: Why it could not be read, if so.
  /// - Throws: `CancellationError`.
  private func look(at signal: any EC2Signal, _ places: inout [String: Place]) async throws -> IMDSError? {
    var place = places[signal.path] ?? Place()
    defer { places[signal.path] = place }
    let isNotice = signal is SpotActionSignal
    do {
      if let text = try await imds.read(signal.path) {
        report(text, signal, &place)
      } else if isNotice {
        _ = try await look(at: TerminationTimeSignal(), &places)
      } else {
        drain.observe([], of: [signal.source])
      }
      let change = place.availability.succeeded()
      if isNotice { reporter.note(change) }
      return nil
    } catch let error as IMDSError {
      let change = place.availability.failed(error)
      if isNotice { reporter.note(change) } else { reporter.note(change, path: signal.path) }
      return error
    }
  }

  private func report(_ text: String, _ signal: any EC2Signal, _ place: inout Place) {
    guard let events = signal.events(in: text, at: now()) else {
      if place.puzzle != text {
        place.puzzle = text
        reporter.logger.warning(
          "a part of the metadata is not understood",
          metadata: ["path": "\(signal.path)", "text": "\(text.prefix(200))"])
      }
      return
    }
    place.puzzle = nil
    drain.observe(events, of: [signal.source])
  }

  private func tellIdentity() async throws -> Bool {
    do {
      await onIdentity(try await InstanceIdentity.ofEC2(imds))
      return true
    } catch is IMDSError {
      return false
    }
  }
}
