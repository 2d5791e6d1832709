import BatonPostgres
import Logging
import ServiceLifecycle

/// Brings the database's schema up to date when the coordinator starts, however long the database takes to come up.
/// Meanwhile the coordinator answers that it is not ready.
struct SchemaMigrator: Service {
  let pool: PostgresPool
  let lifecycle: Lifecycle
  let logger: Logger

  /// - Throws: what is wrong with the database and will not mend itself: a schema of a newer version, for one.
  func run() async throws {
    try await cancelWhenGracefulShutdown {
      var isWaiting = false
      while !Task.isCancelled {
        do {
          let applied = try await PostgresMigrator(migrations: .baton).run(on: pool)
          if !applied.isEmpty { logger.info("migrated", metadata: ["versions": "\(applied)"]) }
          lifecycle.didMigrate()
          break
        } catch let error as PostgresError where error.mayPass {
          if !isWaiting { logger.warning("waiting for the database", metadata: ["error": "\(error)"]) }
          isWaiting = true
          // Not all coordinators at once.
          try? await Task.sleep(for: .milliseconds(.random(in: 150...350)))
        } catch is CancellationError {
          return
        }
      }
    }
    // A service that returns ends its group.
    try? await gracefulShutdown()
  }
}

extension PostgresError {
  /// Whether trying again can help: the database is away, or overloaded.
  var mayPass: Bool { isTransient || self == .timeout || self == .poolExhausted || self == .cancelled }
}
