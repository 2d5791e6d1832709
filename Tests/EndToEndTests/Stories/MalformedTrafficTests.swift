import BatonShared
import BatonTestSupport
import Testing

@Suite(.timeLimit(.minutes(30)), .printsLogs) struct MalformedTrafficTests {
  /// `FUZZ_REQUESTS` sends more of them.
  private static let count = Executables.environment["FUZZ_REQUESTS"].flatMap { Int($0) } ?? 10_000
  private static let clients = 16

  @Test func tenThousandMalformedRequestsAreAnsweredAndLeaveNothingBehind() async throws {
    try await Fleet.with(within: .seconds(max(300, Self.count / 50))) { fleet in
      let coordinator = try await fleet.startCoordinator(
        lease: 3600, heartbeat: 60,
        environment: [
          "MAX_WAIT_SECONDS": "0.05", "HEADER_TIMEOUT_SECONDS": "0.5", "TRANSFER_TIMEOUT_SECONDS": "0.5",
          "ALLOW_SIMULATE_INTERRUPTION": "false",
        ])
      let job = try await fleet.submit(.noop, to: coordinator)
      let wish = LeaseRequest(workerID: "w-1", max: 1, queues: ["default"], kinds: [], waitSeconds: 0)
      let granted = try await call("POST", coordinator.address + "/leases", body: wish.json)
      let lease = try #require(try LeaseGrants(json: granted.body).leases.first).leaseID

      let answers = Kept<[Int: Int]>([:])
      var memory = [try await ResidentMemory.now(of: coordinator)]
      for half in 0..<2 {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for client in 0..<Self.clients {
            group.addTask {
              let seed = UInt64(half * Self.clients + client + 1)
              var requests = SpoiltRequests(seed: seed, job: job, lease: lease)
              for status in try await Self.send(Self.count / 2 / Self.clients, &requests, to: coordinator) {
                answers.change { $0[status, default: 0] += 1 }
              }
            }
          }
          try await group.waitForAll()
        }
        memory.append(try await ResidentMemory.now(of: coordinator))
      }
      let seen = answers.value
      print("answers: \(seen.sorted { $0.key < $1.key }), memory: \(memory.map { $0 >> 10 }) KiB")
      let odd = seen.keys.filter { !(200..<300).contains($0) && !(400..<500).contains($0) && $0 != 503 }
      #expect(odd.isEmpty, "\(seen)")
      #expect(seen.reduce(0) { $0 + $1.value } > Self.count * 9 / 10, "nearly all were answered")
      #expect(seen[200, default: 0] + seen[201, default: 0] > Self.count / 20, "some can be read all the same")
      #expect(seen[400, default: 0] > Self.count / 4, "most cannot")
      #expect(coordinator.ending == nil)
      #expect(await fleet.readiness(of: coordinator) == 200)
      #expect(memory[1] - memory[0] < 32 << 20, "what every process needs once: \(memory)")
      #expect(memory[2] - memory[1] < 8 << 20, "\(memory)")
    }
  }

  /// One after the other on one connection, for as long as it is kept open.
  /// - Returns: the status of each answer.
  private static func send(
    _ count: Int, _ requests: inout SpoiltRequests, to coordinator: RunningProcess
  ) async throws -> [Int] {
    var statuses: [Int] = []
    var connection: RawClient?
    for _ in 0..<count {
      let request = requests.next()
      guard request.isFramed else {
        // Where it ends is not known: the first answer, or the end of the connection, is all there is to wait for.
        let client = try await RawClient(port: coordinator.port)
        try? await client.send(request.bytes)
        let answer = try await client.answer()
        await client.close()
        if let status = answer.hasPrefix("HTTP/1.1 ") ? Int(answer.dropFirst(9).prefix(3)) : nil {
          statuses.append(status)
        } else {
          #expect(answer.isEmpty, "\(answer)")
        }
        continue
      }
      var answer: RawAnswer?
      // A connection that has just been closed, because it was idle for too long, is no answer.
      for _ in 0..<10 where answer == nil {
        let client: RawClient
        if let connection { client = connection } else { client = try await RawClient(port: coordinator.port) }
        connection = client
        if (try? await client.send(request.bytes)) != nil { answer = try await client.next(to: request.method) }
        if answer == nil || answer?.headers["connection"] == "close" {
          await client.close()
          connection = nil
        }
      }
      guard let answer else {
        Issue.record("no answer to \(String(decoding: request.bytes, as: UTF8.self).debugDescription)")
        continue
      }
      statuses.append(answer.status)
      guard answer.status >= 400 else { continue }
      let problem = try? Problem(json: answer.body)
      #expect(problem?.status == answer.status, "\(answer.status) \(answer.text)")
    }
    await connection?.close()
    return statuses
  }
}
