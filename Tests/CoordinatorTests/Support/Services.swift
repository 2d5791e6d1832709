import BatonTestSupport
import Logging
import ServiceLifecycle

/// Runs services as long as `body` runs, then stops them gracefully and waits for their end.
@discardableResult
func withServices<Result: Sendable>(
  _ services: [any Service], _ body: @Sendable @escaping (ServiceGroup) async throws -> Result
) async throws -> Result {
  let group = ServiceGroup(services: services, logger: .quiet)
  return try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { try await group.run() }
    let result: Result
    do {
      result = try await body(group)
    } catch {
      await group.triggerGracefulShutdown()
      // A service that failed is the reason, and the body's error only what came of it.
      try await tasks.waitForAll()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await tasks.waitForAll()
    return result
  }
}

/// Something that happens once, and those who wait for it.
actor Signal {
  private var isSet = false
  private var waiters: [CheckedContinuation<Void, Never>] = []

  func set() {
    isSet = true
    for waiter in waiters { waiter.resume() }
    waiters = []
  }

  func wait() async {
    if isSet { return }
    await withCheckedContinuation { waiters.append($0) }
  }
}
