import Synchronization

/// Leases on their way to who asked for them: if the answer goes without having been written, they are handed back. It
/// may never be begun: an asker that has gone is noticed at the header already.
final class LeaseDelivery: Sendable {
  private let undelivered: Mutex<(@Sendable () async -> Void)?>

  /// - Parameter handBack: Called once the answer cannot be written any more.
  init(orElse handBack: @escaping @Sendable () async -> Void) {
    undelivered = Mutex(handBack)
  }

  /// All of the answer is on its way.
  func isWritten() { undelivered.withLock { $0 = nil } }

  deinit {
    guard let handBack = undelivered.withLock({ $0 }) else { return }
    // Nobody can wait for it here. It ends by itself; in a coordinator that is just stopping, leases may expire instead.
    Task { await handBack() }
  }
}
