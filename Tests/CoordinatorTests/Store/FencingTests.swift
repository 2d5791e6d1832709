import BatonJSON
import BatonShared
import Testing

@testable import BatonCoordinator

/// A lease that is not in force any more changes nothing.
@Suite(.serialized) struct FencingTests {
  /// How a lease can end before its worker knows.
  enum End: CaseIterable {
    case reaped, released, done, neverWas
  }

  @Test func aStaleLeaseChangesNothing() async throws {
    try await StoreFixture.run { fixture async throws in
      for end in End.allCases {
        let id = try await fixture.enqueue()
        let stale: LeaseID
        if end == .neverWas {
          stale = LeaseID()
        } else {
          stale = try await fixture.leaseOne(worker: "w-old").leaseID
          _ = try await fixture.store.saveCheckpoint([1], contentType: "a/b", lease: stale)
          _ = try await fixture.store.appendLog("before\n", lease: stale, keepingBytes: 1000)
        }
        switch end {
        case .reaped:
          try await fixture.expire(stale)
          _ = try await fixture.store.reap(limit: 10)
        case .released: try await fixture.settle(stale, .released)
        case .done: try await fixture.settle(stale, .done)
        case .neverWas: break
        }
        // Somebody else has the job now, if it can be had.
        let current = try await fixture.lease(worker: "w-new").first?.grant
        #expect((current == nil) == (end == .done))
        let before = try await snapshot(fixture)

        let said = Settlement(
          leaseID: stale, outcome: .failed, result: .null, error: JobFailure(code: "x", message: "y"))
        #expect(try await fixture.settle(said) == .lost, "\(end)")
        #expect(try await fixture.store.saveCheckpoint([9], contentType: "x/y", lease: stale) == nil, "\(end)")
        #expect(try await fixture.store.checkpoint(lease: stale) == nil, "\(end)")
        #expect(try await !fixture.store.appendLog("after\n", lease: stale, keepingBytes: 1000), "\(end)")
        let renewed = try await fixture.store.renew(
          [.init(leaseID: stale, progress: .init(fraction: 0.9, message: "stale"))], ttlSeconds: 1000)
        #expect(renewed == [.lost], "\(end)")

        #expect(try await snapshot(fixture) == before, "\(end)")
        if let current { #expect(try await fixture.settle(current.leaseID, .done) == .accepted) }
        #expect(try await fixture.job(id).status == .done)
        #expect(try await fixture.brokenRules() == [])
      }
    }
  }

  /// Every row of every table, as text.
  private func snapshot(_ fixture: StoreFixture) async throws -> [String] {
    var rows: [String] = []
    for table in ["jobs", "attempts", "checkpoints", "job_logs"] {
      rows += try await fixture.pool.query("select t::text from \(table) t order by 1").map { try $0.text(0) }
    }
    return rows
  }

  @Test func anExpiredLeaseCanBeRenewedUntilTheReaperHasCome() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne()
      try await fixture.expire(lease.leaseID)
      // Nobody else can have the job yet.
      #expect(try await fixture.lease().isEmpty)
      #expect(try await fixture.store.renew([.init(leaseID: lease.leaseID)], ttlSeconds: 30) == [.held])
      #expect(try await fixture.store.reap(limit: 1).lost == 0)
      try await fixture.expire(lease.leaseID)
      #expect(try await fixture.store.reap(limit: 1).lost == 1)
      #expect(try await fixture.store.renew([.init(leaseID: lease.leaseID)], ttlSeconds: 30) == [.lost])
      #expect(try await fixture.job(id).losses == 1)
    }
  }

  @Test func aRenewalGivesTheFullTimeAndNotesProgress() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne()
      func secondsLeft() async throws -> Double {
        try await fixture.pool.query("select extract(epoch from expires_at - now())::float8 from attempts")[0].double(0)
      }
      #expect(try await secondsLeft() <= 300)
      let other = LeaseID()
      // The same lease twice in one heartbeat, and one that never was: an answer for each, in order.
      let statuses = try await fixture.store.renew(
        [
          .init(leaseID: lease.leaseID, progress: .init(fraction: 0.25, message: "a")), .init(leaseID: other),
          .init(leaseID: lease.leaseID, progress: .init(fraction: 0.25, message: "a")),
        ], ttlSeconds: 500)
      #expect(statuses == [.held, .lost, .held])
      let left = try await secondsLeft()
      #expect(left > 480 && left <= 500)
      #expect(try await fixture.job(id).progress == .init(fraction: 0.25, message: "a"))
      // What is not said again stays.
      _ = try await fixture.store.renew(
        [.init(leaseID: lease.leaseID, progress: .init(fraction: nil, message: "b"))], ttlSeconds: 30)
      #expect(try await fixture.job(id).progress == .init(fraction: 0.25, message: "b"))
      _ = try await fixture.store.renew([.init(leaseID: lease.leaseID)], ttlSeconds: 30)
      #expect(try await fixture.job(id).progress == .init(fraction: 0.25, message: "b"))
      // The next attempt starts with none.
      try await fixture.settle(lease.leaseID, .released)
      _ = try await fixture.leaseOne()
      #expect(try await fixture.job(id).progress == nil)
    }
  }

  @Test func aSettleMayBeRepeatedButNotChanged() async throws {
    try await StoreFixture.run { fixture async throws in
      for outcome in SettleOutcome.allCases {
        let id = try await fixture.enqueue { $0.maxAttempts = 1 }
        let lease = try await fixture.leaseOne().leaseID
        let settlement = Settlement(leaseID: lease, outcome: outcome, result: RawJSON(trusted: Array("1".utf8)))
        #expect(try await fixture.settle(settlement) == .accepted)
        let job = try await fixture.job(id).json
        let again = try await fixture.store.settle([settlement])
        #expect(again.statuses == [.accepted], "\(outcome)")
        #expect(again.requeued.isEmpty, "a repeated settle wakes nobody")
        for other in SettleOutcome.allCases where other != outcome {
          #expect(try await fixture.settle(lease, other) == .lost, "\(outcome), then \(other)")
        }
        #expect(try await fixture.job(id).json == job, "\(outcome)")
        try await fixture.pool.query("delete from jobs")
      }
    }
  }

  @Test func aSettleIsStillAcceptedAgainWhenAnotherAttemptRuns() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let first = try await fixture.leaseOne().leaseID
      try await fixture.settle(first, .interrupted)
      let second = try await fixture.leaseOne().leaseID
      #expect(try await fixture.settle(first, .interrupted) == .accepted)
      #expect(try await fixture.job(id).status == .processing)
      #expect(try await fixture.job(id).interruptions == 1)
      #expect(try await fixture.settle(second, .done) == .accepted)
      #expect(try await fixture.settle(first, .interrupted) == .accepted)
    }
  }

  @Test func theFirstWordOnALeaseWithinABatchCounts() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne().leaseID
      let outcome = try await fixture.store.settle([
        Settlement(leaseID: lease, outcome: .done), Settlement(leaseID: LeaseID(), outcome: .done),
        Settlement(leaseID: lease, outcome: .failed), Settlement(leaseID: lease, outcome: .done),
      ])
      #expect(outcome.statuses == [.accepted, .lost, .lost, .accepted])
      #expect(try await fixture.job(id).status == .done)
      #expect(try await fixture.store.attempts(of: id)?.count == 1)
    }
  }

  /// What a worker still sends while its outcome is being committed is too late as well.
  @Test func aLogThatComesWhileItsLeaseIsSettledWaitsAndIsRefused() async throws {
    try await StoreFixture.run { fixture async throws in
      try await fixture.enqueue()
      let lease = try await fixture.leaseOne().leaseID
      let settling = try await fixture.database.connect()
      try await settling.query("begin")
      let store = JobStore(database: settling, sender: "settling")
      #expect(try await store.settle([Settlement(leaseID: lease, outcome: .done)]).statuses == [.accepted])
      async let isKept = fixture.store.appendLog("late", lease: lease, keepingBytes: 1000)
      try await fixture.waitUntilSomebodyWaitsForALock()
      try await settling.query("commit")
      #expect(try await !isKept)
      #expect(try await fixture.pool.query("select count(*) from job_logs")[0].int(0) == 0)
      await settling.close()
    }
  }

  /// Of all who settle the same lease at the same time, one outcome is accepted and stays.
  @Test func concurrentSettlesOfOneLeaseAgree() async throws {
    try await StoreFixture.run(connections: 6) { fixture async throws in
      for _ in 0..<20 {
        let id = try await fixture.enqueue { $0.maxAttempts = 1 }
        let lease = try await fixture.leaseOne().leaseID
        try await fixture.expire(lease)
        let statuses = try await withThrowingTaskGroup(of: (SettleOutcome?, Bool).self) { group in
          for outcome in [SettleOutcome.done, .failed, .interrupted, .done] {
            group.addTask { (outcome, try await fixture.settle(lease, outcome) == .accepted) }
          }
          group.addTask { (nil, try await fixture.store.reap(limit: 1).lost == 1) }
          return try await group.reduce(into: [(SettleOutcome?, Bool)]()) { $0.append($1) }
        }
        let winners = Set(statuses.filter(\.1).map { $0.0?.rawValue ?? "lost" })
        let recorded = try await fixture.store.attempts(of: id)?.first?.outcome?.rawValue
        #expect(winners == [try #require(recorded)])
        #expect(try await fixture.brokenRules() == [])
        try await fixture.pool.query("delete from jobs")
      }
    }
  }
}
