import BatonClient
import BatonJSON
import BatonShared
import BatonTestSupport
import Testing

/// What docs/configuration.md says of the memory that a coordinator takes up, with its own limits.
@Suite(.timeLimit(.minutes(10)), .printsLogs) struct MemoryTests {
  /// "About 300": 186 and 265 were seen.
  private static let promised = 350 << 20

  /// Sends a request until there is room for it.
  private static func insist(
    _ method: String, _ url: String, _ body: [UInt8], _ contentType: String = "application/json"
  ) async throws -> HTTPReply {
    var reply: HTTPReply?
    try await eventually("an answer to \(method) \(url)") {
      reply = try await call(method, url, headers: [("Content-Type", contentType)], body: body, timeout: .seconds(60))
      return reply?.status != 503
    }
    return reply!
  }

  private static func lease(_ worker: String, at coordinator: RunningProcess, max: Int) async throws -> [LeaseID] {
    let request = LeaseRequest(workerID: worker, max: max, queues: ["default"], kinds: [], waitSeconds: 0)
    let reply = try await insist("POST", coordinator.address + "/leases", request.json)
    guard reply.status == 200 else { throw StoryFailure("\(reply.status) \(reply.text)") }
    return try LeaseGrants(json: reply.body).leases.map(\.leaseID)
  }

  @Test func manyLargeCheckpointsAtOnce() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 300)
      _ = try await send(.submit(Array(repeating: JobSubmission.noop, count: 24)), to: coordinator.address)
      let leases = try await Self.lease("w", at: coordinator, max: 24)
      #expect(leases.count == 24)
      let checkpoint = (0..<(16 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let most = try await ResidentMemory.most(of: coordinator) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for lease in leases {
            group.addTask {
              let url = "\(coordinator.address)/leases/\(lease)/checkpoint"
              let reply = try await Self.insist("PUT", url, checkpoint, "application/octet-stream")
              #expect(reply.status == 200, "\(reply.text)")
            }
          }
          try await group.waitForAll()
        }
      }
      let stored = try await fleet.count("select count(*) from checkpoints where octet_length(data) = 16 << 20")
      #expect(stored == 24)
      print("memory: \(most >> 20) MiB with 24 checkpoints of 16 MiB")
      #expect(most < Self.promised, "\(most >> 20) MiB")
    }
  }

  @Test func manyLargePayloadsAtOnce() async throws {
    try await Fleet.with { fleet in
      let coordinator = try await fleet.startCoordinator(lease: 300)
      let count = 300
      // With its quotation marks, a payload of 1 MiB.
      let body = Array(#"{"kind":"a","payload":"\#(String(repeating: "x", count: (1 << 20) - 2))"}"#.utf8)
      let most = try await ResidentMemory.most(of: coordinator) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for client in 0..<8 {
            group.addTask {
              for _ in stride(from: client, to: count, by: 8) {
                let reply = try await Self.insist("POST", coordinator.address + "/jobs", body)
                #expect(reply.status == 201, "\(reply.text)")
              }
            }
          }
          try await group.waitForAll()
        }
        let leases = Kept<Set<LeaseID>>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
          for client in 0..<8 {
            group.addTask {
              while leases.value.count < count {
                let granted = try await Self.lease("w-\(client)", at: coordinator, max: 1000)
                leases.change { $0.formUnion(granted) }
              }
            }
          }
          try await group.waitForAll()
        }
      }
      #expect(try await fleet.count("select count(*) from attempts where outcome is null") == count)
      print("memory: \(most >> 20) MiB with \(count) payloads of 1 MiB")
      #expect(most < Self.promised, "\(most >> 20) MiB")
    }
  }
}
