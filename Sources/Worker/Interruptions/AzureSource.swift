import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Polls Azure's scheduled events for those that name this machine.
struct AzureSource: InterruptionSource {
  static let usualBase = "http://169.254.169.254"
  /// The service is set up at the first request for events, which takes its time, in seconds.
  private static let patience = 10.0

  let http: MetadataHTTP
  /// The address of the service without a path.
  let base: String
  /// How often to look, in seconds.
  let pollInterval: Double
  let drain: DrainController
  let onIdentity: @Sendable (InstanceIdentity) async -> Void
  let reporter: AvailabilityReporter
  var now: @Sendable () -> Date = { Date() }

  func watch() async {
    var availability = NoticeAvailability()
    var backoff = Backoff(base: max(pollInterval, 0.05), limit: 60)
    var machine: AzureInstance?
    var document: AzureScheduledEvents?
    while !Task.isCancelled {
      let wait: Duration
      do {
        if machine == nil {
          machine = try await Self.instance(http, base)
          if let machine { await onIdentity(machine.identity) }
        }
        if let newest = try await events(), newest.incarnation != document?.incarnation { document = newest }
        if let machine, let document {
          // Said again each time: maintenance that was far away may be near by now.
          drain.observe(document.interruptions(of: machine.name, at: now()), of: AzureScheduledEvents.sources)
        }
        // Without its name the machine cannot tell whose events they are.
        reporter.note(machine == nil ? availability.failed(.unexpected(status: 200)) : availability.succeeded())
        backoff.reset()
        wait = .seconds(pollInterval * Double.random(in: 0.8...1))
      } catch let error as IMDSError {
        reporter.note(availability.failed(error))
        wait =
          error.isTransient && availability.hasEverSucceeded
          ? .seconds(pollInterval * Double.random(in: 1...1.5)) : backoff.next()
      } catch {
        return
      }
      try? await Task.sleep(for: wait)
    }
  }

  /// What this machine is; nil when the answer is not understood.
  /// - Throws: ``IMDSError``, or `CancellationError`.
  static func instance(_ http: MetadataHTTP, _ base: String) async throws -> AzureInstance? {
    let url = "\(base)/metadata/instance?api-version=2021-02-01"
    return try await http.get(url, header: ("Metadata", "true")).text().flatMap(AzureInstance.init)
  }

  private func events() async throws -> AzureScheduledEvents? {
    let url = "\(base)/metadata/scheduledevents?api-version=2020-07-01"
    let answer = try await http.get(url, header: ("Metadata", "true"), timeout: Self.patience)
    guard let text = try answer.text() else { return nil }
    guard let events = AzureScheduledEvents(text) else { throw IMDSError.unexpected(status: answer.status) }
    return events
  }
}
