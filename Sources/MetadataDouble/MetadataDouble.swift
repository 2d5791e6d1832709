import Hummingbird
import Logging
import NIOCore
import Synchronization

/// The metadata service of a cloud on a port of this machine: for tests, and for rehearsing interruptions.
///
/// It keeps to the real services' rules (tokens that expire, true 401 and 404, a notice whose time is fixed) and
/// misbehaves when it is told to. `POST /control` changes what it says while it runs.
public final class MetadataDouble: Sendable {
  private struct Shared {
    var state: MetadataState
    var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
    var nextWaiter = 0
  }

  private let shared: Mutex<Shared>

  /// - Parameter seed: Of whatever is left to chance.
  public init(script: MetadataScript = MetadataScript(), seed: UInt64 = 1) {
    shared = Mutex(Shared(state: MetadataState(script: script, seed: seed)))
  }

  /// What it says and has heard.
  public var state: MetadataState { shared.withLock { $0.state } }

  /// Changes what it says, and wakes those who wait for a change.
  @discardableResult
  public func update<Result>(_ change: (inout MetadataState) throws -> Result) rethrows -> Result {
    try shared.withLock { shared in
      defer {
        for waiter in shared.waiters.values { waiter.yield() }
      }
      shared.state.version += 1
      return try change(&shared.state)
    }
  }

  /// Looks at the state and changes what is only bookkeeping.
  func touch<Result>(_ look: (inout MetadataState) throws -> Result) rethrows -> Result {
    try shared.withLock { try look(&$0.state) }
  }

  /// From now on the notice is there.
  public func announce(action: String = "terminate", seconds: Double) {
    update { $0.script.notice = .init(action: action, seconds: seconds) }
  }

  /// Serves until the task is cancelled.
  ///
  /// - Parameters:
  ///   - port: 0 for any that is free.
  ///   - onRunning: Called with the port once it listens.
  /// - Throws: An error when it cannot listen.
  public func run(
    host: String = "127.0.0.1", port: Int, logger: Logger = Logger(label: "imds"),
    onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
  ) async throws {
    let application = Application(
      router: router(),
      configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "metadata-double"),
      onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? 0) },
      logger: logger)
    try await application.run()
  }

  /// Waits for a change, but no longer than `seconds`.
  func waitForChange(after version: Int, seconds: Double) async {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let ticket = shared.withLock { shared -> Int? in
      guard shared.state.version == version else { return nil }
      shared.nextWaiter += 1
      shared.waiters[shared.nextWaiter] = continuation
      return shared.nextWaiter
    }
    guard let ticket else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in stream { return }
      }
      group.addTask { try? await Task.sleep(for: .seconds(seconds)) }
      await group.next()
      group.cancelAll()
    }
    _ = shared.withLock { $0.waiters.removeValue(forKey: ticket) }
  }
}

extension MetadataDouble {
  /// Runs one for as long as `body` does.
  public static func with<Result: Sendable>(
    _ script: MetadataScript = MetadataScript(), seed: UInt64 = 1, port: Int = 0,
    _ body: @escaping @Sendable (_ double: MetadataDouble, _ address: String) async throws -> Result
  ) async throws -> Result {
    let double = MetadataDouble(script: script, seed: seed)
    let (ports, bound) = AsyncStream<Int>.makeStream()
    var logger = Logger(label: "imds")
    logger.logLevel = .critical
    let quiet = logger
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        defer { bound.finish() }
        try await double.run(port: port, logger: quiet) { bound.yield($0) }
        return nil
      }
      group.addTask {
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else { return nil }
        return try await body(double, "http://127.0.0.1:\(port)")
      }
      defer { group.cancelAll() }
      while let result = try await group.next() {
        if let result { return result }
      }
      throw CancellationError()
    }
  }
}
