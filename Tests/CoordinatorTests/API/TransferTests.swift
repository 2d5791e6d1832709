import BatonPostgres
import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

@Suite(.serialized) struct TransferTests {
  private static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  /// With a payload of a megabyte.
  private static let largeJob = #"{"kind":"a","payload":"\#(String(repeating: "x", count: 1_000_000))"}"#

  @Test func aLargeCheckpointComesBackAsItWasInHoweverManySlices() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      let job = try await api.submit()
      let lease = try #require(try await api.lease().first).leaseID
      let edges = [Transfers.smallBytes, Transfers.smallBytes + Transfers.sliceBytes]
      for (index, count) in (edges.flatMap { [$0 - 1, $0, $0 + 1] } + [5_000_000, 0]).enumerated() {
        let bytes = Self.bytes(count, seed: UInt64(count))
        #expect(try await api.send("PUT", "/leases/\(lease)/checkpoint", bytes).status == 200)
        for path in ["/leases/\(lease)/checkpoint", "/jobs/\(job.id)/checkpoint"] {
          let answer = try await api.get(path)
          #expect(answer.bytes == bytes, "\(count)")
          #expect(answer.headers.first(name: "baton-checkpoint-sequence") == "\(index + 1)")
        }
        let head = try await api.send("HEAD", "/jobs/\(job.id)/checkpoint")
        #expect(head.status == 200 && head.bytes.isEmpty)
      }
      #expect(try await api.metric("baton_transfer_bytes") == 0)
    }
  }

  @Test func transfersBeyondTheMemoryWaitTheirTurn() async throws {
    let limit = 3 << 20
    let configuration = CoordinatorConfiguration.testing { $0.limits.maxTransferMemoryBytes = limit }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, database async throws in
      let api = coordinator.api
      _ = try await api.post(
        "/jobs/batch", #"{"jobs":[\#(Array(repeating: #"{"kind":"a"}"#, count: 6).joined(separator: ","))]}"#)
      let leases = try await api.lease(max: 6).map(\.leaseID)
      // Nobody can save a checkpoint for now.
      let blocker = try await database.connect()
      try await blocker.query("set idle_in_transaction_session_timeout = 0")
      try await blocker.query("begin")
      try await blocker.query("lock table checkpoints in exclusive mode")
      // One alone is larger than all there is.
      let bytes = Self.bytes(4 << 20, seed: 1)
      let left = Kept(leases.count)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for lease in leases {
          group.addTask {
            defer { left.change { $0 -= 1 } }
            let status = try await api.send("PUT", "/leases/\(lease)/checkpoint", bytes).status
            let stored = try await api.get("/leases/\(lease)/checkpoint").bytes
            #expect(status == 200 && stored == bytes)
          }
        }
        try await eventually("the others waiting") { try await api.metric("baton_transfers_waiting") == 5 }
        #expect(try await api.metric("baton_transfer_bytes") == Double(limit))
        // What is small does not wait behind what is large.
        for _ in 0..<20 { #expect(try await api.submit().status == .queued) }
        #expect(try await api.metric("baton_transfers_waiting") == 5)
        try await blocker.query("rollback")
        var most = 0.0
        while left.value > 0 { most = max(most, try await api.metric("baton_transfer_bytes") ?? .infinity) }
        #expect(most <= Double(limit))
        try await group.waitForAll()
      }
      #expect(try await api.metric("baton_transfer_bytes") == 0)
      #expect(try await api.metric("baton_transfers_waiting") == 0)
    }
  }

  @Test func aCheckpointThatIsReplacedWhileItIsReadIsNeverMixed() async throws {
    try await StoreFixture.run { fixture async throws in
      let id = try await fixture.enqueue()
      let lease = try await fixture.leaseOne().leaseID
      _ = try await fixture.store.saveCheckpoint([1, 1, 1, 1], contentType: "a/b", lease: lease)
      let first = try #require(try await fixture.store.checkpoint(job: id, CheckpointSlice(offset: 0, count: 2)) ?? nil)
      #expect(first.bytes == [1, 1] && first.size == 4)
      _ = try await fixture.store.saveCheckpoint([2, 2, 2, 2], contentType: "a/b", lease: lease)
      let second = try #require(
        try await fixture.store.checkpoint(job: id, CheckpointSlice(offset: 2, count: 2)) ?? nil)
      #expect(second.bytes == [2, 2] && second.version != first.version)
      // Its sequence begins anew after a retry that discards it; it is another one all the same.
      #expect(try await fixture.settle(Settlement(leaseID: lease, outcome: .failed, retryable: false)) == .accepted)
      _ = try await fixture.store.retry(id, discardCheckpoint: true)
      let again = try await fixture.leaseOne().leaseID
      _ = try await fixture.store.saveCheckpoint([3, 3, 3, 3], contentType: "a/b", lease: again)
      let third = try #require(try await fixture.store.checkpoint(job: id, .whole) ?? nil)
      #expect(third.sequence == first.sequence && third.version != first.version)
    }
  }

  @Test func aLargeLogIsReadWholeAndBounded() async throws {
    let configuration = CoordinatorConfiguration.testing { $0.maxLogBytes = 1 << 20 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      let job = try await api.submit()
      let lease = try #require(try await api.lease().first).leaseID
      for piece in 0..<8 {
        let text = String(repeating: "\(piece)", count: 256 << 10)
        #expect(try await api.post("/leases/\(lease)/logs", text).status == 204)
      }
      let log = try await api.get("/jobs/\(job.id)/logs").text
      #expect(log.utf8.count == 1 << 20 && log.hasPrefix("4") && log.hasSuffix("7"))
    }
  }

  @Test func aPageOfLargeJobsIsShorter() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      for _ in 0..<20 { try await api.submit(Self.largeJob) }
      var pages: [Int] = []
      var cursor: String?
      repeat {
        let page = try await api.get("/jobs?limit=1000\(cursor.map { "&cursor=\($0)" } ?? "")").read(JobPage.self)
        pages.append(page.jobs.count)
        cursor = page.nextCursor
      } while cursor != nil
      #expect(pages == [8, 8, 4])
    }
  }

  @Test func leasesOfLargeJobsAreFewerAtOnceAndAllAreGiven() async throws {
    try await RunningCoordinator.run { coordinator, _ async throws in
      let api = coordinator.api
      for _ in 0..<20 { try await api.submit(Self.largeJob) }
      var given: [Int] = []
      for _ in 0..<4 { given.append(try await api.lease(max: 1000).count) }
      #expect(given == [8, 8, 4, 0])

      // Of jobs that are small where they lie, and large when they are read, too.
      let ones = String(repeating: "1,", count: 400_000)
      for _ in 0..<20 { try await api.submit(#"{"kind":"a","payload":[\#(ones)1]}"#) }
      given = []
      for _ in 0..<3 { given.append(try await api.lease(max: 1000).count) }
      #expect(given == [10, 10, 0])

      // Those who wait together and do not all get one with the first statement do with the next.
      let wish = #"{"worker_id":"w","max":1,"wait_seconds":60}"#
      var clients: [RawClient] = []
      for _ in 0..<12 {
        let client = try await RawClient(port: api.port)
        try await client.send("POST /leases HTTP/1.1\r\nHost: a\r\nContent-Length: \(wish.utf8.count)\r\n\r\n\(wish)")
        clients.append(client)
      }
      try await api.untilWaiting(12)
      let jobs = Array(repeating: Self.largeJob, count: 12).joined(separator: ",")
      #expect(try await api.post("/jobs/batch", #"{"jobs":[\#(jobs)]}"#).status == 201)
      for client in clients { try await eventually("a lease") { client.text.contains(#""lease_id""#) } }
    }
  }

  @Test func whatThereIsNoMemoryToAnswerWithGoesBack() async throws {
    let configuration = CoordinatorConfiguration.testing { $0.limits.maxRequestMemoryBytes = 3 << 20 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      for _ in 0..<5 { try await api.submit(Self.largeJob) }
      // Five do not fit, and half of them do; the others are there for the next who asks.
      var given: [Int] = []
      for _ in 0..<3 { given.append(try await api.lease(max: 5).count) }
      #expect(given == [2, 3, 0])
      #expect(try await api.metric("baton_request_bytes") == 0)
    }
  }
}
