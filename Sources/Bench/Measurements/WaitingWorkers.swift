import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// What many workers cost that wait for work and get none.
struct WaitingWorkers: Sendable {
  /// How often a real worker says that it is alive, with a lease of 30 s.
  private static let heartbeatSeconds = 10.0

  let target: WireTarget
  let queue: String
  let clock: CPUClock
  let coordinator: BenchProgram
  let workers: Int
  /// How long they are watched.
  let seconds: Double

  struct Outcome: Sendable {
    /// Of the coordinator, before any has come.
    var megabytesBefore = 0.0
    /// While all wait.
    var megabytes = 0.0
    /// In cores, while nothing happens.
    var idle = CPUTimes()
    /// In cores, while each says every ten seconds that it is alive.
    var heartbeats = CPUTimes()
  }

  func run() async throws -> Outcome {
    guard let pid = coordinator.pid else { throw BenchError("the coordinator has ended") }
    var outcome = Outcome()
    outcome.megabytesBefore = ProcessFile.residentMegabytes(pid) ?? .nan
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let ask = try await WireConnection.connect(to: target, on: loop)
    let found = try await LoadGenerator.with(workers, to: target, clock: clock, on: loop) { generator in
      for (number, connection) in generator.connections.enumerated() {
        let request = LeaseRequest(workerID: name(number), max: 1, queues: [queue], waitSeconds: 60)
        let bytes = target.request("POST", "/leases", body: request.json)
        connection.channel.eventLoop.execute { Self.wait(connection, bytes) }
      }
      // Registering so many takes a while, and is not what is measured.
      try await waitUntil("all workers waiting", within: .seconds(120), looking: .milliseconds(500)) {
        try await waiting(ask) == workers
      }
      try await Task.sleep(for: .seconds(2))
      outcome.idle = try await watch { try await Task.sleep(for: .seconds(seconds)) }
      outcome.megabytes = ProcessFile.residentMegabytes(pid) ?? .nan
      let left = try await waiting(ask)
      guard left == workers else { throw BenchError("\(left) of \(workers) still waited when they had been watched") }
      outcome.heartbeats = try await watch { try await heartbeats(on: loop) }
      return outcome
    }
    await ask.close()
    return found
  }

  private func name(_ number: Int) -> String { "\(queue)-\(number)" }

  /// Processor time in cores while `body` runs.
  private func watch(_ body: () async throws -> Void) async throws -> CPUTimes {
    let (before, began) = (clock.now(), ContinuousClock.now)
    try await body()
    return (clock.now() - before) / (ContinuousClock.now - began).inSeconds
  }

  /// One of every worker, spread over the time between two of them.
  private func heartbeats(on loop: any EventLoop) async throws {
    let body = Heartbeat(state: .active, leases: []).json
    _ = try await LoadGenerator.with(8, to: target, clock: CPUClock(), on: loop) { generator in
      let connections = generator.connections
      _ = try await loop.flatSubmit {
        let answers = AnswersLeft(workers, expecting: 200, "a heartbeat", on: loop)
        return answers.wait(
          for: PacedSender(
            connections, on: loop, rate: Double(workers) / Self.heartbeatSeconds, count: workers,
            request: { target.request("POST", "/workers/\(name($0))/heartbeat", body: body) },
            answer: { _, result in answers.take(result) }))
      }.get()
    }
  }

  /// How many requests for leases wait, as the coordinator says.
  private func waiting(_ connection: WireConnection) async throws -> Int {
    let reply = try await connection.call(target.request("GET", "/metrics"))
    try reply.expect(200, "the request for metrics")
    return Self.waiting(in: String(buffer: reply.body))
  }

  static func waiting(in metrics: String) -> Int {
    let line = metrics.split(separator: "\n").first { $0.hasPrefix("baton_lease_requests_waiting ") }
    return line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0
  }

  /// Asks again and again, until the connection is closed at the end.
  private static func wait(_ connection: WireConnection, _ request: ByteBuffer) {
    connection.send(request) { result in
      if case .success = result { wait(connection, request) }
    }
  }
}
