import BatonPostgres
import Synchronization

/// When the database last said anything, to whatever statement.
final class AnswerClock: Sendable {
  private let latest = Mutex(ContinuousClock.now)

  func note() { latest.withLock { $0 = .now } }

  func hasHeard(since start: ContinuousClock.Instant) -> Bool { latest.withLock { $0 >= start } }
}

/// Passes statements on, and notes that they were answered, be it with an error.
struct HeardDatabase: PostgresQuerying {
  let base: any PostgresQuerying
  let clock: AnswerClock

  func query(
    _ sql: String, _ parameters: [PostgresValue]
  ) async throws(PostgresError) -> PostgresRows {
    do throws(PostgresError) {
      let rows = try await base.query(sql, parameters)
      clock.note()
      return rows
    } catch {
      if case .server = error { clock.note() }
      throw error
    }
  }

  var isReachable: Bool { base.isReachable }
}
