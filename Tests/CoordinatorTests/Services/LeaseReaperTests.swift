import BatonPostgres
import BatonShared
import BatonTelemetry
import BatonTestSupport
import Synchronization
import Testing

@testable import BatonCoordinator

@Suite struct LeaseReaperTests {
  @Test(arguments: [(1, 500), (125, 500), (200, 800), (375, 1500), (60_000, 1500)])
  func aPassThatTakesLongIsFollowedByALongerRest(took: Int, rest: Int) {
    #expect(LeaseReaper.rest(after: .milliseconds(took)) == .milliseconds(rest))
  }

  /// Connections that are waited for, as after an outage, and statements that are on their way for long.
  private final class SlowWay: PostgresQuerying {
    let base: PostgresPool
    let isHeld = Atomic(false)
    let waiting = Atomic(0)
    /// What is held up; everything if nil.
    let words: String?

    init(_ base: PostgresPool, holding words: String? = nil) {
      self.base = base
      self.words = words
    }

    func query(_ sql: String, _ parameters: [PostgresValue]) async throws(PostgresError) -> PostgresRows {
      if let words, !sql.contains(words) { return try await base.query(sql, parameters) }
      waiting.add(1, ordering: .relaxed)
      do {
        try await eventually("a connection") { !isHeld.load(ordering: .relaxed) }
      } catch { throw .poolExhausted }
      return try await base.query(sql, parameters)
    }
  }

  /// A reaper with a grace that does not end, whose first pass has found a lease in force.
  private static func run(
    holding words: String? = nil,
    _ body: @Sendable (StoreFixture, SlowWay, LeaseReaper, JobID) async throws -> Void
  ) async throws {
    try await StoreFixture.run { fixture async throws in
      let upkeep = SlowWay(fixture.pool, holding: words)
      let store = JobStore(database: fixture.pool, upkeep: upkeep, sender: "test")
      let core = CoordinatorCore(
        configuration: .testing, store: store, metrics: CoordinatorMetrics(registry: PrometheusRegistry()),
        lifecycle: Lifecycle(exit: {}), logger: .quiet)
      let reaper = LeaseReaper(
        store: store, wakes: core.wakes, metrics: core.metrics, graceAfterOutage: .seconds(600),
        lifecycle: core.lifecycle, logger: .quiet)
      let id = try await fixture.enqueue()
      _ = try await fixture.leaseOne()
      _ = try await reaper.runOnce()
      try await body(fixture, upkeep, reaper, id)
    }
  }

  /// What is spared are the leases that expired while nobody could renew them, by the database's clock.
  @Test func howLongTheFirstPassAfterAnOutageWaitsForAConnectionDoesNotMatter() async throws {
    try await Self.run { fixture, upkeep, reaper, id async throws in
      let contact = ContinuousClock.now
      try await fixture.pool.query("update attempts set expires_at = now() + interval '2.5 seconds'")
      upkeep.isHeld.store(true, ordering: .relaxed)
      // Only the clock tells that it is an outage, and when the lease has expired in it.
      try await eventually("an outage") { ContinuousClock.now - contact > OutageGrace.shortestOutage }
      let before = upkeep.waiting.load(ordering: .relaxed)
      async let pass = reaper.runOnce()
      try await eventually("the pass") { upkeep.waiting.load(ordering: .relaxed) > before }
      try await eventually("a wait that is longer than what is left of the lease") {
        ContinuousClock.now - contact > .seconds(6)
      }
      upkeep.isHeld.store(false, ordering: .relaxed)
      _ = try await pass
      #expect(try await fixture.job(id).status == .processing)
    }
  }

  /// The network is cut while the statement is on its way, and heals when the lease has expired.
  @Test func whatComesToTheDatabaseLateEndsNoLease() async throws {
    try await Self.run(holding: "expired") { fixture, upkeep, reaper, id async throws in
      try await fixture.pool.query("update attempts set expires_at = now() + interval '1 second'")
      upkeep.isHeld.store(true, ordering: .relaxed)
      let before = upkeep.waiting.load(ordering: .relaxed)
      async let pass = reaper.runOnce()
      try await eventually("the pass") { upkeep.waiting.load(ordering: .relaxed) > before }
      let sent = ContinuousClock.now
      try await eventually("a cut that is longer than the lease") { ContinuousClock.now - sent > .seconds(2.5) }
      upkeep.isHeld.store(false, ordering: .relaxed)
      _ = try await pass
      #expect(try await fixture.job(id).status == .processing)
      // That was an outage, so the next pass spares it too.
      _ = try await reaper.runOnce()
      #expect(try await fixture.job(id).status == .processing)
      // It is not spared for ever.
      #expect(try await fixture.store.reap(limit: 10).lost == 1)
    }
  }
}
