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

extension CheckpointAndLogTests {
  @Test func piecesOfNothingMakeNoRows() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne().leaseID
      for _ in 0..<20 { #expect(try await fixture.store.appendLog("", lease: lease, keepingBytes: 1000)) }
      #expect(try await fixture.count("select from job_logs") == 0)
      #expect(try await fixture.store.log(job: id, attempt: nil, upTo: 10)?.size == 0)
      try await fixture.settle(lease, .done)
      #expect(try await !fixture.store.appendLog("", lease: lease, keepingBytes: 1000))
      #expect(try await !fixture.store.appendLog("", lease: LeaseID(), keepingBytes: 1000))
    }
  }

  @Test func smallPiecesShareRowsAndNothingIsLostOrMixed() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let limit = 64 << 10
      let pieces = (0..<3000).map { "line \($0)\n" }
      var lease = try await fixture.leaseOne().leaseID
      for (index, piece) in pieces.enumerated() {
        if index == 1000 {
          try await fixture.settle(lease, .interrupted)
          lease = try await fixture.leaseOne().leaseID
        }
        #expect(try await fixture.store.appendLog(piece, lease: lease, keepingBytes: limit))
      }
      #expect(try await fixture.log(job: id, attempt: nil) == pieces.joined())
      #expect(try await fixture.log(job: id, attempt: 1) == pieces[..<1000].joined())
      #expect(try await fixture.log(job: id, attempt: 2) == pieces[1000...].joined())
      // Two neighbours are larger than a sixteenth of what is kept.
      let rows = try await fixture.count("select from job_logs")
      #expect(rows <= 2 * pieces.joined().utf8.count / (limit / 16) + 2)
      #expect(try await fixture.count("select from job_logs where size_bytes <> octet_length(body)") == 0)
    }
  }

  @Test func trimmingWithJoinedRowsKeepsNearlyAllThatMayBeKept() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne().leaseID
      var random = SeededGenerator(seed: 3)
      var written = ""
      for number in 0..<1000 {
        let text = "\(number):" + String(repeating: "x", count: Int.random(in: 0..<200, using: &random)) + "\n"
        written += text
        #expect(try await fixture.store.appendLog(text, lease: lease, keepingBytes: 8000))
        let kept = try #require(try await fixture.store.log(job: id, attempt: nil, upTo: .max)?.size)
        #expect(kept <= 8000)
        if written.utf8.count > 8000 { #expect(kept > 8000 - 8000 / 16 - 210) }
      }
      let kept = try #require(try await fixture.log(job: id, attempt: nil))
      #expect(written.hasSuffix(kept))
      #expect(try await fixture.count("select from job_logs") <= 2 * 16 + 1)
    }
  }

  @Test func piecesThatComeAtOnceAreAllThere() async throws {
    try await StoreFixture.run(connections: 8) { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne().leaseID
      let pieces = (0..<400).map { "piece \($0)\n" }
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for piece in pieces {
          group.addTask { try await fixture.store.appendLog(piece, lease: lease, keepingBytes: 32 << 10) }
        }
        for try await isKept in group { #expect(isKept) }
      }
      let log = try #require(try await fixture.log(job: id, attempt: nil))
      #expect(log.split(separator: "\n").sorted() == pieces.map { $0.dropLast() }.sorted())
      #expect(try await fixture.count("select from job_logs where size_bytes <> octet_length(body)") == 0)
    }
  }
}

extension StoreFixture {
  /// A job's log, however long.
  fileprivate func log(job: JobID, attempt: Int?) async throws -> String? {
    try await store.log(job: job, attempt: attempt, upTo: .max).map { String(decoding: $0.bytes ?? [], as: UTF8.self) }
  }
}
