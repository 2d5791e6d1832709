/// The answer to a question that costs the database something: asked once for all who want to know meanwhile, and kept
/// for a moment.
actor SharedAnswer<Value: Sendable> {
  private let keptFor: @Sendable (_ took: Duration) -> Duration
  private let ask: @Sendable () async throws -> Value
  private var latest: (value: Value, until: ContinuousClock.Instant)?
  private var asking: Task<Value, any Error>?

  /// - Parameter keptFor: For how long an answer will do that took so long; a failure is not kept.
  init(
    keptFor: @escaping @Sendable (_ took: Duration) -> Duration,
    asking ask: @escaping @Sendable () async throws -> Value
  ) {
    self.keptFor = keptFor
    self.ask = ask
  }

  func value() async throws -> Value {
    if let latest, ContinuousClock.now < latest.until { return latest.value }
    if let asking { return try await asking.value }
    // Shared by all who ask meanwhile, so it must not end with the request that happened to come first.
    let task = Task {
      let start = ContinuousClock.now
      let value = try await ask()
      let end = ContinuousClock.now
      latest = (value, end + keptFor(end - start))
      return value
    }
    asking = task
    defer { asking = nil }
    return try await task.value
  }
}
