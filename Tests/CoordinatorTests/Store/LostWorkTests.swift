import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// How much work is thrown away, and how long a job lies between two attempts.
@Suite(.serialized) struct LostWorkTests {
  /// A job that has run for 1000 seconds, with a checkpoint that is 100 seconds old if it has one.
  private func run(_ fixture: StoreFixture, checkpoint: Bool) async throws -> LeaseGrant {
    try await fixture.enqueue()
    let lease = try await fixture.leaseOne()
    if checkpoint { _ = try await fixture.store.saveCheckpoint([1], contentType: "a/b", lease: lease.leaseID) }
    try await fixture.pool.query(
      "update attempts set started_at = now() - interval '1000 seconds' where lease_id = $1", .uuid(lease.leaseID.uuid))
    try await fixture.pool.query(
      "update checkpoints set saved_at = now() - interval '100 seconds' where job_id = $1", .uuid(lease.jobID.uuid))
    return lease
  }

  @Test func whatHasToBeDoneAgainCountsFromTheNewestCheckpointOrTheStart() async throws {
    try await StoreFixture.run { fixture async throws in
      for checkpoint in [true, false] {
        // The lease that is made to expire did so a millisecond ago.
        let expected = checkpoint ? 99.9...130 : 999.9...1030
        for outcome in SettleOutcome.allCases {
          let lease = try await run(fixture, checkpoint: checkpoint)
          let settled = try await fixture.store.settle([Settlement(leaseID: lease.leaseID, outcome: outcome)])
          switch outcome {
          case .done, .cancelled:
            #expect(settled.lostWork == [], "\(outcome)")
          case .released, .interrupted, .failed, .timedOut:
            let work = try #require(settled.lostWork.first, "\(outcome)")
            #expect(settled.lostWork.count == 1 && work.outcome.rawValue == outcome.rawValue)
            #expect(expected.contains(work.seconds), "\(outcome): \(work.seconds)")
          }
          // Said again, it is not lost again.
          let repeated = try await fixture.store.settle([Settlement(leaseID: lease.leaseID, outcome: outcome)])
          #expect(repeated.statuses == [.accepted] && repeated.lostWork == [])
          try await fixture.pool.query("delete from jobs")
        }
        let lease = try await run(fixture, checkpoint: checkpoint)
        try await fixture.expire(lease.leaseID)
        let reaped = try await fixture.store.reap(limit: 10)
        #expect(reaped.lostWork.map(\.outcome) == [.lost])
        #expect(expected.contains(try #require(reaped.lostWork.first).seconds))
        try await fixture.pool.query("delete from jobs")
      }
    }
  }

  @Test func aCheckpointOfAnEarlierAttemptIsNotWhatThisOneLost() async throws {
    try await StoreFixture.run { fixture async throws in
      let lease = try await run(fixture, checkpoint: true)
      try await fixture.settle(lease.leaseID, .interrupted)
      let next = try await fixture.leaseOne()
      try await fixture.pool.query(
        "update attempts set started_at = now() - interval '10 seconds' where lease_id = $1", .uuid(next.leaseID.uuid))
      let settled = try await fixture.store.settle([Settlement(leaseID: next.leaseID, outcome: .released)])
      #expect((10.0...40).contains(try #require(settled.lostWork.first).seconds))
    }
  }

  /// It has waited behind other jobs of its worker, and was handed back when that had to go.
  @Test func whatWasNeverBegunHasLostNothing() async throws {
    try await StoreFixture.run { fixture async throws in
      let lease = try await run(fixture, checkpoint: false)
      let unrun = Settlement(leaseID: lease.leaseID, outcome: .released, begun: false)
      let settled = try await fixture.store.settle([unrun])
      #expect(settled.statuses == [.accepted] && settled.lostWork == [] && settled.requeued.count == 1)
    }
  }

  @Test func handedBackWithAFreshCheckpointAboutNothingIsLost() async throws {
    try await StoreFixture.run { fixture async throws in
      let lease = try await run(fixture, checkpoint: true)
      _ = try await fixture.store.saveCheckpoint([2], contentType: "a/b", lease: lease.leaseID)
      let settled = try await fixture.store.settle([Settlement(leaseID: lease.leaseID, outcome: .interrupted)])
      // A slow machine may take its time between the two; the thousand seconds before are safe.
      #expect((0.0...30).contains(try #require(settled.lostWork.first).seconds))
    }
  }

  @Test func nobodyMissesTheWorkOfACancelledJob() async throws {
    try await StoreFixture.run { fixture async throws in
      for isReaped in [false, true] {
        let lease = try await run(fixture, checkpoint: false)
        _ = try await fixture.store.cancel(lease.jobID)
        if isReaped {
          try await fixture.expire(lease.leaseID)
          let reaped = try await fixture.store.reap(limit: 10)
          #expect(reaped.lost == 1 && reaped.lostWork == [])
        } else {
          let settled = try await fixture.store.settle([Settlement(leaseID: lease.leaseID, outcome: .interrupted)])
          #expect(settled.statuses == [.accepted] && settled.lostWork == [])
        }
      }
    }
  }

  @Test func aHandOverTellsHowTheAttemptBeforeEnded() async throws {
    try await StoreFixture.run { fixture async throws in
      try await fixture.enqueue()
      func lease() async throws -> Lease { try #require(try await fixture.lease(ttl: 300).first) }
      var current = try await lease()
      #expect(current.handover == nil)
      for outcome in [SettleOutcome.released, .interrupted] {
        try await fixture.settle(current.grant.leaseID, outcome)
        try await fixture.pool.query("update attempts set ended_at = ended_at - interval '7 seconds'")
        current = try await lease()
        let handover = try #require(current.handover)
        #expect(handover.from.rawValue == outcome.rawValue && (7.0...37).contains(handover.seconds))
      }
      // Not heard of since it was granted, 300 seconds before its lease expired.
      try await fixture.expire(current.grant.leaseID)
      #expect(try await fixture.store.reap(limit: 1).lost == 1)
      current = try await lease()
      let handover = try #require(current.handover)
      #expect(handover.from == .lost && (300.0...330).contains(handover.seconds))
      // A retry after a failure is no hand-over.
      try await fixture.settle(Settlement(leaseID: current.grant.leaseID, outcome: .failed, delaySeconds: 0))
      #expect(try await lease().handover == nil)
    }
  }

  @Test func theReaperSparesWhatExpiredDuringAnOutage() async throws {
    try await StoreFixture.run { fixture async throws in
      for kind in ["before", "during", "after"] { try await fixture.enqueue(kind) }
      let leases = try await fixture.lease(3)
      for (lease, age) in zip(leases, [100.0, 50, 5]) {
        try await fixture.pool.query(
          "update attempts set expires_at = now() - $2 * interval '1 second' where lease_id = $1",
          .uuid(lease.grant.leaseID.uuid), .float8(age))
      }
      let first = leases[0].grant.leaseID
      let reaped = try await fixture.store.reap(limit: 10, sparing: .init(began: 75, ended: 25))
      #expect(reaped.lost == 2)
      let open = try await fixture.pool.query("select lease_id from attempts where outcome is null")
      #expect(try open.map { LeaseID(try $0.uuid(0)) } == [leases[1].grant.leaseID])
      #expect(try await fixture.settle(first, .done) == .lost)
      // Since whenever: nothing is known of the time before the start.
      #expect(try await fixture.store.reap(limit: 10, sparing: .init(began: nil, ended: 25)).lost == 0)
      #expect(try await fixture.store.reap(limit: 10).lost == 1)
    }
  }

  @Test func whatIsDoneSaysNoMoreThatItIsUnderWay() async throws {
    try await StoreFixture.run { fixture async throws in
      for (outcome, expected) in [
        (SettleOutcome.done, JobSnapshot.Progress(fraction: 1, message: nil)),
        (.failed, JobSnapshot.Progress(fraction: 0.98, message: "step 49 of 50")),
      ] {
        let id = try await fixture.enqueue { $0.maxAttempts = 1 }
        let lease = try await fixture.leaseOne()
        _ = try await fixture.store.renew(
          [.init(leaseID: lease.leaseID, progress: .init(fraction: 0.98, message: "step 49 of 50"))], ttlSeconds: 30)
        try await fixture.settle(lease.leaseID, outcome)
        #expect(try await fixture.job(id).progress == expected)
      }
    }
  }
}
