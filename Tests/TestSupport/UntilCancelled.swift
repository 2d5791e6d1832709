/// Suspends until the task is cancelled: what is to be stopped cannot end by itself, however slow the machine is.
///
/// - Throws: `CancellationError`, always.
public func untilCancelled() async throws -> Never {
  let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
  for await _ in stream {}
  // Who lets go of it ends the stream.
  withExtendedLifetime(continuation) {}
  throw CancellationError()
}
