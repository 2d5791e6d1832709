import BatonShared
import BatonTestSupport
import Testing

@Suite(.timeLimit(.minutes(30)), .printsLogs) struct MalformedTrafficTests {
  /// How many are refused; `FUZZ_REQUESTS` says another number.
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
      var traffic = AcceptedTraffic()
      func first(_ path: String, _ body: [UInt8]) async throws -> RawAnswer {
        let request = SpoiltRequests.framed("POST", Array(path.utf8), [], body)
        let client = try await RawClient(port: coordinator.port)
        try await client.send(request.bytes)
        let answer = try #require(try await client.next())
        await client.close()
        try traffic.note(answer, to: request)
        return answer
      }
      let job = try JobSnapshot(json: try await first("/jobs", JobSubmission.noop.json).body).id
      let wish = LeaseRequest(workerID: "w-1", max: 1, queues: ["default"], kinds: [], waitSeconds: 0)
      let granted = try LeaseGrants(json: try await first("/leases", wish.json).body)
      let lease = try #require(granted.leases.first).leaseID

      var memory = [try await ResidentMemory.now(of: coordinator)]
      let refusals = (Self.count + 2 * Self.clients - 1) / (2 * Self.clients)
      for half in 0..<2 {
        try await withThrowingTaskGroup(of: AcceptedTraffic.self) { group in
          for client in 0..<Self.clients {
            group.addTask {
              let seed = UInt64(half * Self.clients + client + 1)
              return try await Self.send(
                SpoiltRequests(seed: seed, job: job, lease: lease), to: coordinator, until: refusals)
            }
          }
          for try await part in group { traffic.merge(part) }
        }
        memory.append(try await ResidentMemory.now(of: coordinator))
      }
      let seen = traffic.answers
      print("answers: \(seen.sorted { $0.key < $1.key }), memory: \(memory.map { $0 >> 10 }) KiB")
      let odd = seen.keys.filter { !(200..<300).contains($0) && !(400..<500).contains($0) && $0 != 503 }
      #expect(odd.isEmpty, "\(seen)")
      #expect(traffic.refusals >= Self.count)
      #expect(seen[200, default: 0] + seen[201, default: 0] > Self.count / 20, "some can be read all the same")
      #expect(seen[400, default: 0] > Self.count / 4, "most cannot")
      #expect(coordinator.ending == nil)
      #expect(await fleet.readiness(of: coordinator) == 200)
      #expect(memory[1] - memory[0] < 32 << 20, "what every process needs once: \(memory)")
      #expect(memory[2] - memory[1] < 8 << 20, "\(memory)")
      try await traffic.expectNothingElse(in: fleet)
    }
  }

  /// Sends one after the other on one connection, for as long as it is kept open, until so many have been refused.
  /// - Returns: what was accepted.
  private static func send(
    _ requests: SpoiltRequests, to coordinator: RunningProcess, until refusals: Int
  ) async throws -> AcceptedTraffic {
    var requests = requests
    var traffic = AcceptedTraffic()
    var connection: RawClient?
    while traffic.refusals < refusals {
      let request = requests.next()
      guard request.isFramed else {
        // Where it ends is not known: the first answer, or the end of the connection, is all there is to wait for.
        let client = try await RawClient(port: coordinator.port)
        try? await client.send(request.bytes)
        var answer = try await client.next()
        while answer.map({ $0.status < 200 }) ?? false { answer = try await client.next() }
        await client.close()
        if let answer { try traffic.note(answer, to: request) } else { #expect(client.bytes.isEmpty, "\(client.text)") }
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
      try traffic.note(answer, to: request)
      guard answer.status >= 400 else { continue }
      let problem = try? Problem(json: answer.body)
      #expect(problem?.status == answer.status, "\(answer.status) \(answer.text)")
    }
    await connection?.close()
    return traffic
  }
}
