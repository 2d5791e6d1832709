import AsyncHTTPClient
import BatonShared
import BatonTestSupport
import Foundation
import NIOCore
import Testing

@testable import BatonWorker

/// The worker's own server, over real HTTP.
@Suite struct ServerTests {
  private func call(
    _ method: String, _ path: String, _ port: Int, body: String? = nil, token: String? = nil, origin: String? = nil
  ) async throws -> (status: UInt, type: String, body: String) {
    var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
    request.method = .init(rawValue: method)
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
    if let origin { request.headers.add(name: "Origin", value: origin) }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
    return (response.status.code, response.headers.first(name: "Content-Type") ?? "", text)
  }

  @Test func aWorkerIsReadyUntilItDrains() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let port = try await worker.port()
        try await coordinator.wait("a poll") { $0.leaseRequests > 0 }
        #expect(try await call("GET", "/health", port).status == 200)
        #expect(try await call("GET", "/ready", port).status == 200)
        let job = try coordinator.submit("sleep", #"{"seconds":1}"#)
        try await worker.waitUntilRunning()
        let drained = try await call("POST", "/drain", port)
        #expect(drained.status == 202)
        #expect(drained.body.contains(#""source":"operator""#))
        let ready = try await call("GET", "/ready", port)
        #expect(ready.status == 503)
        #expect(ready.type == "application/problem+json")
        #expect(ready.body.contains(#""code":"draining""#))
        #expect(try await call("GET", "/health", port).status == 200)
        #expect(try await coordinator.outcome(of: job).outcome == .done)
      }
    }
  }

  @Test func withoutACoordinatorAWorkerIsAliveButNotReady() async throws {
    try await CoordinatorDouble.run { coordinator in
      coordinator.state.update { $0.isDown = true }
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let port = try await worker.port()
        #expect(try await call("GET", "/health", port).status == 200)
        let ready = try await call("GET", "/ready", port)
        #expect(ready.status == 503)
        #expect(ready.body.contains(#""code":"not_registered""#))
        coordinator.state.update { $0.isDown = false }
        try await coordinator.wait("the registration") { !$0.registrations.isEmpty }
        let job = try coordinator.submit("noop")
        #expect(try await coordinator.outcome(of: job).outcome == .done)
        #expect(try await call("GET", "/ready", port).status == 200)
      }
    }
  }

  enum Outage: String, CaseIterable, Sendable {
    /// As a load balancer says it that has nobody to ask.
    case down = "HTTP 503"
    /// The worker's token has been changed.
    case refused = "HTTP 401"

    func take(_ isOn: Bool, at coordinator: CoordinatorDouble) {
      coordinator.state.update { state in
        switch self {
        case .down: state.isDown = isOn
        case .refused: state.refusesTokens = isOn
        }
      }
    }
  }

  @Test(arguments: Outage.allCases)
  func whoIsAnsweredByNobodyForTheTimeOfALeaseIsNotReadyUntilTheNextAnswer(outage: Outage) async throws {
    try await CoordinatorDouble.run(ttl: 2, heartbeat: 0.2) { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let port = try await worker.port()
        for _ in 0..<2 {
          try await eventually("a worker that is ready") { try await call("GET", "/ready", port).status == 200 }
          try await eventually("its gauge") {
            try await call("GET", "/metrics", port).body.contains("worker_registered 1\n")
          }
          outage.take(true, at: coordinator)
          var ready = try await call("GET", "/ready", port)
          try await eventually("word of the outage") {
            ready = try await call("GET", "/ready", port)
            return ready.status == 503 && ready.body.contains(outage.rawValue)
          }
          #expect(ready.type == "application/problem+json")
          #expect(ready.body.contains(#""code":"not_registered""#))
          #expect(ready.body.contains("no heartbeat has been answered well for "))
          #expect(try await call("GET", "/metrics", port).body.contains("worker_registered 0\n"))
          #expect(try await call("GET", "/health", port).status == 200)
          outage.take(false, at: coordinator)
        }
        try await eventually("a worker that is ready") { try await call("GET", "/ready", port).status == 200 }
      }
    }
  }

  @Test func heartbeatsThatFailAreNoOutageWhileALeaseWouldLast() async throws {
    try await CoordinatorDouble.run(ttl: 3600, heartbeat: 0.1) { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let port = try await worker.port()
        try await coordinator.wait("a heartbeat") { !$0.heartbeats.isEmpty }
        coordinator.state.update { $0.isDown = true }
        // The second is sent when the first is known to have failed.
        try await coordinator.wait("heartbeats in vain") { $0.turnedAway.count { $0.hasSuffix("/heartbeat") } > 1 }
        #expect(try await call("GET", "/ready", port).status == 200)
        #expect(try await call("GET", "/metrics", port).body.contains("worker_registered 1\n"))
        worker.drain.receive(InterruptionNotice(source: "operator", action: "drain", secondsLeft: 5))
        #expect(try await call("GET", "/ready", port).body.contains(#""code":"draining""#))
      }
    }
  }

  @Test func metricsAreTold() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let port = try await worker.port()
        let job = try coordinator.submit("noop")
        _ = try await coordinator.outcome(of: job)
        try await coordinator.wait("another poll") { $0.leaseRequests > 1 }
        var text = ""
        // Counted when the answer has arrived, a moment after the double has given it.
        try await eventually("the job among the metrics") {
          text = try await call("GET", "/metrics", port).body
          return text.contains("worker_jobs_total")
        }
        for line in [
          #"worker_jobs_total{kind="noop",outcome="done"} 1"#, "worker_slots 4", "worker_leases 0",
          "worker_registered 1", "worker_draining 0", #"worker_job_run_seconds_count{kind="noop"} 1"#,
        ] {
          #expect(text.contains(line), "\(line)")
        }
      }
    }
  }

  @Test(arguments: [
    ("{", 400), (#"{"action":"explode"}"#, 400), (#"{"seconds":-1}"#, 400), (#"{"second":1}"#, 400), ("[]", 400),
  ])
  func aWrongSimulationIsRefusedAndChangesNothing(body: String, status: Int) async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let answer = try await call("POST", "/simulate/interruption", try await worker.port(), body: body)
        #expect(answer.status == status)
        #expect(answer.body.contains(#""code":"invalid_request""#))
        #expect(!worker.drain.isDraining)
      }
    }
  }

  @Test func anInterruptionCanBeSimulatedUnlessThatIsTurnedOff() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let port = try await worker.port()
        let answer = try await call(
          "POST", "/simulate/interruption", port, body: #"{"action":"terminate","seconds":3}"#)
        #expect(answer.status == 202)
        #expect(worker.drain.report?.source == "simulated")
        #expect(worker.drain.report?.action == "terminate")
      }
      let other = try TestWorker(coordinator) { $0.allowSimulateInterruption = false }
      try await other.run {
        let answer = try await call("POST", "/simulate/interruption", try await other.port())
        #expect(answer.status == 403)
        #expect(answer.body.contains(#""code":"forbidden""#))
        #expect(!other.drain.isDraining)
      }
    }
  }

  /// They are on this machine, too.
  @Test func whereProgramsRunAsAnotherUserTheTokenIsAskedForOnLoopbackToo() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator) { configuration in
        configuration.execUser = ExecUser("54321:54321")
        configuration.token = "secret"
      }
      try await worker.run {
        let port = try await worker.port()
        for path in ["/drain", "/simulate/interruption", "/shutdown"] {
          #expect(try await call("POST", path, port).status == 401)
        }
        #expect(!worker.drain.isDraining)
        #expect(try await call("POST", "/drain", port, token: "secret").status == 202)
      }
    }
  }

  @Test func aWebPageChangesNothing() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let port = try await worker.port()
        for path in ["/drain", "/simulate/interruption", "/shutdown"] {
          #expect(try await call("POST", path, port, origin: "http://evil.example").status == 403)
        }
        #expect(!worker.drain.isDraining)
      }
    }
  }

  @Test func beyondLoopbackTheTokenIsAskedFor() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator) { configuration in
        configuration.host = "0.0.0.0"
        configuration.token = "secret"
      }
      try await worker.run {
        let port = try await worker.port()
        for path in ["/drain", "/simulate/interruption", "/shutdown"] {
          #expect(try await call("POST", path, port).status == 401)
          #expect(try await call("POST", path, port, token: "wrong!").status == 401)
        }
        #expect(!worker.drain.isDraining)
        #expect(try await call("GET", "/health", port).status == 200)
        #expect(try await call("POST", "/drain", port, token: "secret").status == 202)
      }
    }
  }

  @Test func whatIsNotThereIsAProblem() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let answer = try await call("GET", "/nothing", try await worker.port())
        #expect(answer.status == 404)
        #expect(answer.type == "application/problem+json")
        #expect(answer.body.contains(#""code":"not_found""#))
      }
    }
  }

  @Test func aForcedExitIsAnsweredFirst() async throws {
    try await CoordinatorDouble.run { coordinator in
      let worker = try TestWorker(coordinator)
      try await worker.run {
        let answer = try await call("POST", "/shutdown", try await worker.port())
        #expect(answer.status == 202)
        try await worker.isForced.first { $0 }
      }
    }
  }

  // MARK: Slow clients

  private func limited(
    _ change: (inout WorkerServer.Limits) -> Void, _ body: @escaping @Sendable (_ port: Int) async throws -> Void
  ) async throws {
    var limits = WorkerServer.Limits()
    // Long, if it is not what the test is about.
    (limits.exchangeSeconds, limits.idleSeconds) = (3600, 3600)
    change(&limits)
    try await CoordinatorDouble.run { [limits] coordinator in
      let worker = try TestWorker(coordinator) { $0.serverLimits = limits }
      try await worker.run { try await body(try await worker.port()) }
    }
  }

  @Test(arguments: ["", "GET /hea", "POST /simulate/interruption HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"])
  func whoDoesNotFinishARequestIsHungUpOnAndOthersAreServedMeanwhile(part: String) async throws {
    try await limited {
      $0.exchangeSeconds = 1
    } _: { port in
      let slow = try await RawClient(port: port)
      try await slow.send(part)
      #expect(try await call("GET", "/metrics", port).body.contains("worker_slots"))
      try await slow.untilHungUp()
    }
  }

  /// Each byte would be a sign of life, and there might be an hour of them.
  @Test func aSecondRequestThatDripsInIsCutOffToo() async throws {
    try await limited {
      $0.exchangeSeconds = 1
    } _: { port in
      let slow = try await RawClient(port: port)
      try await slow.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await slow.answer().hasPrefix("HTTP/1.1 200"))
      try await slow.drip("GET /health HTTP/1.1\r\nX: ")
      try await slow.untilHungUp()
    }
  }

  @Test func aConnectionMayBeUsedAgainUntilItIsIdleForLong() async throws {
    try await limited { limits in
      (limits.exchangeSeconds, limits.idleSeconds) = (1, 6)
    } _: { port in
      let client = try await RawClient(port: port)
      for count in 1...3 {
        try await client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        try await eventually("an answer") {
          client.isClosed || client.text.components(separatedBy: "HTTP/1.1 200").count > count
        }
        #expect(!client.isClosed)
        // No exchange is under way: the limit of the one before does not count, which passes for a later one meanwhile.
        if count == 2 { try await RawClient(port: port).untilHungUp() }
      }
      let answered = ContinuousClock.now
      try await client.untilHungUp()
      #expect(ContinuousClock.now - answered > .seconds(2))
    }
  }

  @Test func aConnectionBeyondTheMaximumIsServedWhenAnotherHasGone() async throws {
    try await limited { limits in
      (limits.exchangeSeconds, limits.connections) = (2, 2)
    } _: { port in
      let slow = [try await RawClient(port: port), try await RawClient(port: port)]
      for client in slow {
        // Answered: it is one of those that count.
        try await client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
      }
      let start = ContinuousClock.now
      for client in slow { try await client.send("GET /") }
      let third = try await RawClient(port: port)
      try await third.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try await third.answer().hasPrefix("HTTP/1.1 200"))
      #expect(ContinuousClock.now - start > .seconds(1.5), "not before one of them was cut off")
    }
  }
}
