import Hummingbird
import Logging
import ServiceLifecycle

@testable import BatonWorker

/// Serves a double on a free port of loopback for as long as `body` takes.
///
/// The server is asked to stop before it is cancelled: a connection that has been accepted but not yet been looked at
/// must not be dropped.
func serving<Result: Sendable>(
  _ router: Router<BasicRequestContext>, port: Int = 0,
  _ body: @escaping @Sendable (_ port: Int) async throws -> Result
) async throws -> Result {
  let bound = Watched<Int?>(nil)
  var logger = Logger(label: "double")
  logger.logLevel = .critical
  let application = Application(
    router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
    onServerRunning: { channel in bound.update { $0 = channel.localAddress?.port } }, logger: logger)
  let hasStopped = Watched(false)
  let services = ServiceGroup(configuration: ServiceGroupConfiguration(services: [application], logger: logger))
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      defer { hasStopped.update { $0 = true } }
      try await services.run()
    }
    let outcome: Swift.Result<Result, any Error>
    do {
      let port = try await bound.first { $0 != nil }!
      outcome = .success(try await body(port))
    } catch {
      outcome = .failure(error)
    }
    await services.triggerGracefulShutdown()
    // Not for ever: a test that failed may have left requests that nobody will answer.
    _ = await hasStopped.first(before: .now + .seconds(5)) { $0 }
    group.cancelAll()
    return try outcome.get()
  }
}
