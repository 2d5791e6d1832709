import BatonShared
import BatonTestSupport
import Foundation
import Testing

@testable import BatonWorker

/// What programs have written is held in memory by turns.
@Suite struct TransferRoomTests {
  private static let soon = Duration.seconds(20)

  @Test func whoComesFirstIsLetInFirstAndTheLargestAlone() async throws {
    let room = TransferRoom(100)
    #expect(await room.enter(60, before: .now))
    #expect(await room.enter(40, before: .now), "it just fits")
    #expect(await !room.enter(1, before: .now + .milliseconds(1)), "its deadline has come")
    let order = Watched<[Int]>([])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, bytes) in [(1, 1000), (2, 10), (3, 10)] {
        group.addTask {
          guard await room.enter(bytes, before: .now + Self.soon) else { return }
          order.update { $0.append(number) }
        }
        try await room.state.first { $0.line.count == number }
      }
      room.leave(60)
      #expect(order.value == [], "the first does not fit, and the others do not overtake it")
      room.leave(40)
      try await order.first { $0 == [1] }
      #expect(await !room.enter(0, before: .now + .milliseconds(1)), "alone")
      room.leave(1000)
      try await order.first { $0.count == 3 }
      #expect(order.value.first == 1)
      try await group.waitForAll()
    }
  }

  /// A lease is renewed again and again: when the time comes that it had at first, its place in the line stays.
  @Test func aDeadlineThatIsPutOffKeepsItsPlace() async throws {
    let room = TransferRoom(10)
    #expect(await room.enter(10, before: .now))
    let asked = Watched(0)
    let patient = Task {
      await room.enter(10) {
        asked.update { $0 += 1 }
        // Due at once the first few times.
        return asked.value < 5 ? .now + .milliseconds(1) : .now + Self.soon
      }
    }
    try await asked.first { $0 >= 5 }
    let next = Task { await room.enter(10, before: .now + Self.soon) }
    try await room.state.first { $0.line.count == 2 }
    room.leave(10)
    #expect(await patient.value)
    room.leave(10)
    #expect(await next.value)
  }

  @Test func whoGivesUpHoldsNobodyUp() async throws {
    let room = TransferRoom(10)
    #expect(await room.enter(10, before: .now))
    let impatient = Task { await room.enter(10, before: .now + Self.soon) }
    try await room.state.first { $0.line.count == 1 }
    let next = Task { await room.enter(5, before: .now + Self.soon) }
    try await room.state.first { $0.line.count == 2 }
    impatient.cancel()
    #expect(await !impatient.value)
    room.leave(10)
    #expect(await next.value)
  }

  private static func files(of count: Int, _ script: String, room: Int, uploads: Int) async throws -> (
    most: Int, saved: [Int]
  ) {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      coordinator.state.update { $0.holdCheckpoints = true }
      let jobs = try (0..<count).map { _ in try coordinator.submit("exec", execPayload(["sh", "-c", script])) }
      let worker = try TestWorker(coordinator) { configuration in
        configuration.slots = count
        configuration.transferRoom = room
      }
      return try await worker.run {
        // As many are on their way as there may be, and each of the others stands in line: no more will come.
        try await coordinator.wait("the uploads") { $0.checkpointRequests >= uploads }
        let room = try #require(worker.room)
        try await eventually("the line") { room.state.value.line.count == count - uploads }
        let most = coordinator.state.value.checkpointRequests
        coordinator.state.update { $0.holdCheckpoints = false }
        for job in jobs { _ = try await coordinator.outcome(of: job) }
        return (most, coordinator.state.value.checkpointsSaved.map(\.count))
      }
    }
  }

  /// Holes cost the program nothing, and would cost the worker their whole size.
  @Test func hugeCheckpointsAreReadByTurns() async throws {
    let script =
      #"truncate -s 3M "$BATON_CHECKPOINT_FILE.new" && mv "$BATON_CHECKPOINT_FILE.new" "$BATON_CHECKPOINT_FILE""#
      + "; sleep 0.7; exit 1"
    let (most, saved) = try await Self.files(of: 4, script, room: 4 << 20, uploads: 1)
    #expect(most == 1, "one fits at a time")
    #expect(saved == Array(repeating: 3 << 20, count: 4), "and all of them come")
    let (all, _) = try await Self.files(of: 4, script, room: 64 << 20, uploads: 4)
    #expect(all == 4, "where there is room, nobody waits")
  }

  @Test func aCheckpointOfATerabyteIsRefusedByItsSize() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      let script =
        #"truncate -s 1T "$BATON_CHECKPOINT_FILE"; truncate -s 1T "$BATON_PROGRESS_FILE"; sleep 1.2"#
        + #"; truncate -s 1T "$BATON_RESULT_FILE""#
      let job = try coordinator.submit("exec", execPayload(["sh", "-c", script]))
      try await TestWorker(coordinator).run {
        let outcome = try await coordinator.outcome(of: job)
        #expect(outcome.error?.code == "invalid_result")
        #expect(
          outcome.error?.message == "the file that BATON_RESULT_FILE names: is larger than \(256 << 20) bytes")
        let state = coordinator.state.value
        #expect(state.checkpointRequests == 0)
        let log = String(decoding: state.jobs[job]!.log, as: UTF8.self)
        #expect(log.contains("BATON_CHECKPOINT_FILE names is larger than \(512 << 20) bytes"), "\(log)")
      }
    }
  }

  @Test func largeResultsTakeRoomUntilTheyAreSettled() async throws {
    try await CoordinatorDouble.run(heartbeat: 0.1) { coordinator in
      coordinator.state.update { $0.holdSettlements = true }
      let script = #"(printf '"'; head -c 2000000 /dev/zero | tr '\0' x; printf '"') > "$BATON_RESULT_FILE""#
      let jobs = try (0..<3).map { _ in try coordinator.submit("exec", execPayload(["sh", "-c", script])) }
      let worker = try TestWorker(coordinator) { $0.transferRoom = 3_000_000 }
      try await worker.run {
        try await coordinator.wait("a settlement") { !$0.settleRequests.isEmpty }
        let room = try #require(worker.room)
        try await eventually("the others in line") { room.state.value.line.count == 2 }
        #expect(worker.worker.table.runs.filter { $0.state.value.phase == .settling }.count == 1)
        coordinator.state.update { $0.holdSettlements = false }
        for job in jobs {
          #expect(try await coordinator.outcome(of: job).result?.bytes.count == 2_000_002)
        }
      }
    }
  }
}

extension TransferRoom {
  /// With a deadline that nothing puts off.
  fileprivate func enter(_ bytes: Int, before deadline: ContinuousClock.Instant) async -> Bool {
    await enter(bytes, before: { deadline })
  }
}
