import UnixSignals

extension DrillFleet {
  private struct Finished: Error {}

  /// Does `body` with the fleet, while it is measured how late the machine is; every process has ended afterwards.
  ///
  /// - Parameter late: Told when it was late, and by how many seconds.
  /// - Throws: What `body` throws, or `CancellationError` after a Ctrl-C.
  func play(
    late: @escaping @Sendable (Double) -> Void, body: @escaping @Sendable () async throws -> Void
  ) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    try await run {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await _ in signals { throw CancellationError() }
        }
        group.addTask { await StallMeter(record: late).run() }
        group.addTask {
          try await body()
          throw Finished()
        }
        defer { group.cancelAll() }
        do {
          while try await group.next() != nil {}
        } catch is Finished {}
      }
    }
  }
}
