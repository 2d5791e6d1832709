import ServiceLifecycle

/// Something that knows when this instance will be taken away.
///
/// It reports to the ``DrainController`` alone, which is the one place that decides what follows. It never fails the
/// worker: not being able to look is a state that it tells, not an error that it throws.
protocol InterruptionSource: Sendable {
  /// Looks until cancelled.
  func watch() async
}

/// Runs a source as long as the worker lives.
struct InterruptionWatcher: Service {
  let source: any InterruptionSource

  func run() async throws {
    await cancelWhenGracefulShutdown { await source.watch() }
  }
}
