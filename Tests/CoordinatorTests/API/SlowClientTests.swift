import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// Clients that take their time, on real sockets: they lose their connection, and nobody else loses anything.
@Suite(.serialized) struct SlowClientTests {
  private static let nowhere = "postgresql://127.0.0.1:1/nowhere"

  private static func configuration(_ change: (inout RequestLimits) -> Void = { _ in }) -> CoordinatorConfiguration {
    .testing { configuration in
      // Short, and long enough for a busy machine to send a request in one go.
      configuration.limits.headerTimeoutSeconds = 2
      configuration.limits.transferTimeoutSeconds = 0.5
      // Long: the tests' own client keeps its connections, too.
      configuration.limits.idleTimeoutSeconds = 3600
      change(&configuration.limits)
    }
  }

  @Test func aHeaderThatDripsInIsCutOff() async throws {
    try await RunningCoordinator.run(configuration: Self.configuration()) { coordinator, _ async throws in
      let client = try await RawClient(port: coordinator.api.port)
      try await client.drip("GET /health HTTP/1.1\r\nX: ")
      let answer = try await client.untilHungUp()
      #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.contains("the header took too long"), "\(answer)")
      try await client.expectDescribed()
      #expect(try await coordinator.api.get("/health").status == 200)
    }
  }

  @Test func aHeaderThatDripsInAfterAGoodRequestIsCutOffToo() async throws {
    try await RunningCoordinator.run(configuration: Self.configuration()) { coordinator, _ async throws in
      let client = try await RawClient(port: coordinator.api.port)
      try await client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
      try await client.drip("GET /health HTTP/1.1\r\nX: ")
      #expect(try await client.untilHungUp().contains("HTTP/1.1 408 "))
    }
  }

  @Test func whoSaysNothingIsHungUpOn() async throws {
    let configuration = Self.configuration { $0.idleTimeoutSeconds = 2 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let silent = try await RawClient(port: coordinator.api.port)
      #expect(try await silent.untilHungUp() == "")
      let idle = try await RawClient(port: coordinator.api.port)
      try await idle.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await idle.untilHungUp().hasPrefix("HTTP/1.1 200 "))
    }
  }

  @Test func aBodyThatDripsInIsCutOffAndNothingComesOfIt() async throws {
    try await RunningCoordinator.run(configuration: Self.configuration()) { coordinator, _ async throws in
      for header in ["Content-Length: 8192\r\n", "Transfer-Encoding: chunked\r\n"] {
        let client = try await RawClient(port: coordinator.api.port)
        try await client.send("POST /jobs HTTP/1.1\r\nHost: a\r\n\(header)\r\n")
        if header.hasPrefix("T") { try await client.send("2000\r\n") }
        try await client.drip(#"{"kind":"slow","payload":""#)
        let answer = try await client.untilHungUp()
        #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.contains("the body took too long"), "\(answer)")
        try await client.expectDescribed("POST", "/jobs")
      }
      #expect(try await coordinator.api.get("/stats").read(Statistics.self).jobs[.queued] == 0)
    }
  }

  @Test func whoHasNoLeaseHoldsUpNobodysUpload() async throws {
    let configuration = CoordinatorConfiguration.testing { $0.limits.maxTransferMemoryBytes = 1 << 20 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      for _ in 0..<2 { try await api.submit() }
      let leases = try await api.lease(max: 2).map(\.leaseID)
      #expect(try await api.settle(leases[1]) == .accepted)
      var idlers: [RawClient] = []
      for lease in [LeaseID(), leases[1]] {
        for (route, length) in [
          ("PUT /leases/\(lease)/checkpoint", "Content-Length: \(1 << 20)"),
          ("PUT /leases/\(lease)/checkpoint", "Transfer-Encoding: chunked"),
          ("POST /leases/\(lease)/logs", "Content-Length: \(1 << 20)"),
        ] {
          let client = try await RawClient(port: api.port)
          try await client.send("\(route) HTTP/1.1\r\nHost: a\r\n\(length)\r\n\r\n")
          // The body has not even begun; its time would be twenty seconds.
          let answer = try await client.answer()
          #expect(answer.hasPrefix("HTTP/1.1 409 ") && answer.contains("application/problem+json"), "\(answer)")
          #expect(try await api.metric("baton_transfer_bytes") == 0)
          idlers.append(client)
        }
      }
      let good = [UInt8](repeating: 7, count: 1 << 20)
      #expect(try await api.send("PUT", "/leases/\(leases[0])/checkpoint", good, timeout: .seconds(10)).status == 200)
      #expect(try await api.send("GET", "/leases/\(leases[0])/checkpoint").bytes == good)
      // Who has its answer may finish what it was sending, and come again on the same connection.
      try await idlers[0].send(good)
      try await idlers[0].send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
      try await eventually("the next answer") { idlers[0].text.contains("HTTP/1.1 200 ") }
      for client in idlers { await client.close() }
    }
  }

  @Test func whoHasItsAnswerMayNotSendForEver() async throws {
    try await RunningCoordinator.run(configuration: Self.configuration()) { coordinator, _ async throws in
      let client = try await RawClient(port: coordinator.api.port)
      try await client.send(
        "PUT /leases/\(LeaseID())/checkpoint HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
      #expect(try await client.answer().hasPrefix("HTTP/1.1 409 "))
      let answer = try await client.untilHungUp()
      #expect(answer.components(separatedBy: "HTTP/1.1 ").count == 2, "one answer, and no second: \(answer)")
    }
  }

  @Test func whoNeverReadsItsAnswerIsHungUpOn() async throws {
    let configuration = Self.configuration { limits in
      limits.transferTimeoutSeconds = 1
      limits.slowestBytesPerSecond = 1 << 20
    }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      try await api.submit()
      let lease = try #require(try await api.lease().first).leaseID
      // More than the buffers of both sides hold.
      let checkpoint = [UInt8](repeating: 7, count: 12 << 20)
      #expect(try await api.send("PUT", "/leases/\(lease)/checkpoint", checkpoint).status == 200)
      let client = try await RawClient(port: api.port, reads: false)
      try await client.send("GET /leases/\(lease)/checkpoint HTTP/1.1\r\nHost: a\r\n\r\n")
      // Who does not read does not see the end either; the coordinator does: the memory is given back.
      try await eventually("a transfer") { try await api.metric("baton_transfer_bytes") ?? 0 > 0 }
      try await eventually("the end of the transfer") {
        try await api.metric("baton_transfer_bytes") == 0
      }
      await client.close()
      #expect(try await api.send("GET", "/leases/\(lease)/checkpoint").bytes == checkpoint)
    }
  }

  @Test func aLongPollOutlivesEveryTimeout() async throws {
    let configuration = Self.configuration { $0.idleTimeoutSeconds = 2 }
    try await RunningCoordinator.run(configuration: configuration) { coordinator, _ async throws in
      let api = coordinator.api
      async let waiting = api.lease("w-1", wait: 60)
      try await api.untilWaiting(1)
      // Whoever comes later and takes its time is hung up on, one after the other: each limit has passed since.
      for start in [
        "", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
      ] {
        let other = try await RawClient(port: api.port)
        if !start.isEmpty { try await other.send(start) }
        try await other.untilHungUp()
      }
      #expect(try await api.metric("baton_lease_requests_waiting") == 1)
      let job = try await api.submit()
      #expect(try await waiting.map(\.jobID) == [job.id])
    }
  }

  @Test func moreConnectionsThanAllowedWaitForTheirTurn() async throws {
    let configuration = Self.configuration { limits in
      limits.maxConnections = 10
      limits.headerTimeoutSeconds = 3600
    }
    let question = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    // Without a database, nothing but these clients is connected.
    try await RunningCoordinator.run(databaseURL: Self.nowhere, configuration: configuration) {
      coordinator async throws in
      var inside: [RawClient] = []
      for _ in 0..<10 {
        let client = try await RawClient(port: coordinator.api.port)
        try await client.send(question)
        #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
        inside.append(client)
      }
      let late = try await RawClient(port: coordinator.api.port)
      try await late.send(question)
      // What was asked later is answered, again and again, to those who are in.
      for count in 2...20 {
        for client in inside {
          try await client.send(question)
          try await eventually("answer \(count)") {
            client.text.components(separatedBy: "HTTP/1.1 200 ").count == count + 1
          }
        }
      }
      #expect(late.text.isEmpty && !late.isClosed, "there is no place for it")
      await inside.removeLast().close()
      #expect(try await late.answer().hasPrefix("HTTP/1.1 200 "))
      for client in inside + [late] { await client.close() }
    }
  }

  @Test func whoSaysNothingMakesRoomWhenItsTimeIsUp() async throws {
    let configuration = Self.configuration { $0.maxConnections = 10 }
    try await RunningCoordinator.run(databaseURL: Self.nowhere, configuration: configuration) {
      coordinator async throws in
      let start = ContinuousClock.now
      var silent: [RawClient] = []
      for _ in 0..<20 { silent.append(try await RawClient(port: coordinator.api.port)) }
      let late = try await RawClient(port: coordinator.api.port)
      try await late.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await late.answer().hasPrefix("HTTP/1.1 200 "))
      // Nobody has gone but those whose two seconds were over.
      #expect(ContinuousClock.now - start >= .seconds(2))
      for client in silent { await client.close() }
    }
  }
}
