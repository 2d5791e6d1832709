import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct CheckpointAndLogTests {
  @Test func sixteenMebibytesComeBackAsTheyWere() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne()
      var random = SeededGenerator(seed: 1)
      var bytes: [UInt8] = []
      bytes.reserveCapacity(16 << 20)
      while bytes.count < 16 << 20 { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
      #expect(
        try await fixture.store.saveCheckpoint(bytes, contentType: "application/x-model", lease: lease.leaseID) == 1)
      let stored = try #require(try await fixture.store.checkpoint(lease: lease.leaseID))
      #expect(stored?.bytes == bytes)
      #expect(stored?.contentType == "application/x-model" && stored?.sequence == 1)
      let job = try await fixture.job(id)
      #expect(job.checkpoint?.sizeBytes == 16 << 20)
      // An empty one is a checkpoint too.
      #expect(try await fixture.store.saveCheckpoint([], contentType: "a/b", lease: lease.leaseID) == 2)
      #expect(try await fixture.store.checkpoint(job: id)??.bytes == [])
      #expect(try await fixture.count("select from checkpoints") == 1)
    }
  }

  @Test func aJobWithoutACheckpointIsToldApartFromNoJob() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne()
      #expect(lease.checkpoint == nil)
      let ofJob = try #require(try await fixture.store.checkpoint(job: id))
      #expect(ofJob?.sequence == nil)
      let ofLease = try #require(try await fixture.store.checkpoint(lease: lease.leaseID))
      #expect(ofLease?.sequence == nil)
      guard case .none = try await fixture.store.checkpoint(job: JobIDGenerator().next()),
        case .none = try await fixture.store.checkpoint(lease: LeaseID())
      else { throw Unexpected("a checkpoint of nothing") }
    }
  }

  /// A checkpoint that races with the end of its lease is either there, whole, for the next attempt, or refused.
  @Test func aCheckpointThatRacesWithTheReaperIsWholeOrRefused() async throws {
    try await StoreFixture.run { fixture async throws in
      for round in 1...15 {
        let id = try await fixture.enqueue { $0.maxLosses = 1000 }
        let lease = try await fixture.leaseOne()
        try await fixture.expire(lease.leaseID)
        let bytes = [UInt8](repeating: UInt8(round), count: 100_000)
        async let saved = fixture.store.saveCheckpoint(bytes, contentType: "a/b", lease: lease.leaseID)
        async let reaped = fixture.store.reap(limit: 10)
        let sequence = try await saved
        // Skipped while the checkpoint held its row: then the next pass takes it.
        if try await reaped.lost == 0 { #expect(try await fixture.store.reap(limit: 10).lost == 1) }
        let next = try await fixture.leaseOne()
        #expect(next.jobID == id)
        #expect(next.checkpoint?.sequence == sequence)
        #expect(try await fixture.store.checkpoint(lease: next.leaseID)??.bytes == (sequence == nil ? nil : bytes))
        try await fixture.pool.query("delete from jobs")
      }
    }
  }

  @Test func logsComeBackInOrderByAttempt() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      #expect(try await fixture.log(job: id, attempt: nil) == "")
      #expect(try await fixture.log(job: JobIDGenerator().next(), attempt: nil) == nil)
      let first = try await fixture.leaseOne().leaseID
      for text in ["a\n", "", "é😀\n"] {
        #expect(try await fixture.store.appendLog(text, lease: first, keepingBytes: 1000))
      }
      try await fixture.settle(first, .interrupted)
      let second = try await fixture.leaseOne().leaseID
      #expect(try await fixture.store.appendLog("b\n", lease: second, keepingBytes: 1000))
      #expect(try await fixture.log(job: id, attempt: nil) == "a\né😀\nb\n")
      #expect(try await fixture.log(job: id, attempt: 1) == "a\né😀\n")
      #expect(try await fixture.log(job: id, attempt: 2) == "b\n")
      #expect(try await fixture.log(job: id, attempt: 3) == "")
      #expect(try await fixture.log(job: id, attempt: .max) == "")
    }
  }

  @Test func trimmingKeepsTheNewestPart() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne().leaseID
      for line in 0..<50 {
        let text = "line \(line / 10)\(line % 10)\n"
        #expect(try await fixture.store.appendLog(text, lease: lease, keepingBytes: 40))
        let kept = try #require(try await fixture.log(job: id, attempt: nil))
        #expect(kept.utf8.count <= 40)
        #expect(kept.hasSuffix(text))
      }
      let kept = try await fixture.log(job: id, attempt: nil)
      #expect(kept == (45..<50).map { "line \($0)\n" }.joined())
      #expect(try await fixture.count("select from job_logs") == 5)
    }
  }
}

extension StoreFixture {
  /// A job's log, however long.
  fileprivate func log(job: JobID, attempt: Int?) async throws -> String? {
    try await store.log(job: job, attempt: attempt, upTo: .max).map { String(decoding: $0.bytes ?? [], as: UTF8.self) }
  }
}
