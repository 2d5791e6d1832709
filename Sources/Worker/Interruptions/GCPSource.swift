import Logging

/// Waits for the word of Google Cloud that the instance is preempted, or that its host is worked on.
struct GCPSource: InterruptionSource {
  /// How long the server holds a request, in seconds.
  private static let hold = 60
  /// What is left after the word of a preemption, in seconds: so much is promised.
  private static let notice = 30.0
  /// The same of maintenance: the value changes a minute before it begins (Compute Engine, "Monitor and plan for a host
  /// maintenance event"; machines with GPUs are told an hour ahead).
  private static let maintenanceNotice = 60.0

  let metadata: GCPMetadata
  /// How often to ask a server that does not wait, in seconds.
  let pollInterval: Double
  let drain: DrainController
  let onIdentity: @Sendable (InstanceIdentity) async -> Void
  let reporter: AvailabilityReporter

  func watch() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await follow("instance/preempted", "gcp_preemption", Self.preemption) }
      group.addTask { await follow("instance/maintenance-event", "gcp_maintenance", Self.maintenance) }
      group.addTask { await tellIdentity() }
      await group.waitForAll()
    }
  }

  static func preemption(_ text: String) -> InterruptionEvent? {
    guard text.uppercased() == "TRUE" else { return nil }
    return InterruptionEvent(
      kind: .spotNotice,
      notice: InterruptionNotice(source: "gcp_preemption", action: "terminate", secondsLeft: notice))
  }

  /// An instance that is moved to another host lives on; only one that is stopped for it must hand back.
  static func maintenance(_ text: String) -> InterruptionEvent? {
    guard text == "TERMINATE_ON_HOST_MAINTENANCE" else { return nil }
    return InterruptionEvent(
      kind: .scheduledMaintenance,
      notice: InterruptionNotice(source: "gcp_maintenance", action: "terminate", secondsLeft: maintenanceNotice))
  }

  /// Follows one value, which the server tells when it changes.
  private func follow(
    _ path: String, _ source: String, _ event: @Sendable (String) -> InterruptionEvent?
  ) async {
    let isNotice = source == "gcp_preemption"
    var availability = NoticeAvailability()
    var backoff = Backoff(base: max(pollInterval, 0.05), limit: 60)
    var etag: String?
    while !Task.isCancelled {
      let askedAt = ContinuousClock.now
      var wait = Duration.zero
      do {
        let value = try await metadata.read(path, after: etag, within: Self.hold)
        drain.observe(value.flatMap { event($0.text) }.map { [$0] } ?? [], of: [source])
        note(availability.succeeded(), path, isNotice)
        backoff.reset()
        // Where there is nothing to wait for, or the server answers at once although nothing is new: poll.
        let isHeld = ContinuousClock.now - askedAt > .milliseconds(500)
        if value?.etag == nil || value?.etag == etag && !isHeld {
          wait = .seconds(pollInterval * Double.random(in: 0.8...1))
        }
        etag = value?.etag
      } catch let error as IMDSError {
        note(availability.failed(error), path, isNotice)
        // What happened meanwhile is asked for without waiting.
        etag = nil
        wait = backoff.next()
      } catch {
        return
      }
      try? await Task.sleep(for: wait)
    }
  }

  private func note(_ change: NoticeAvailability.Change?, _ path: String, _ isNotice: Bool) {
    if isNotice { reporter.note(change) } else { reporter.note(change, path: path) }
  }

  private func tellIdentity() async {
    var backoff = Backoff(base: 1, limit: 60)
    while !Task.isCancelled {
      if let identity = try? await metadata.identity() { return await onIdentity(identity) }
      try? await Task.sleep(for: backoff.next())
    }
  }
}
