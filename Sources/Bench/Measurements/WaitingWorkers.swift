import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// What many workers cost that wait for work and get none.
struct WaitingWorkers: Sendable {
  let target: WireTarget
  let queue: String
  let coordinator: BenchProgram
  let workers: Int
  /// How long they are watched.
  let seconds: Double

  struct Outcome: Sendable {
    var megabytesBefore = 0.0
    var megabytes = 0.0
    /// Of one core, while nothing happens.
    var idleShare = 0.0
  }

  func run() async throws -> Outcome {
    guard let pid = coordinator.pid else { throw BenchError("the coordinator has ended") }
    var outcome = Outcome()
    outcome.megabytesBefore = ProcessFile.residentMegabytes(pid) ?? .nan
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let clock = CPUClock(coordinator: pid)
    return try await LoadGenerator.with(workers, to: target, clock: clock, on: loop) { generator in
      for (number, connection) in generator.connections.enumerated() {
        Self.wait(connection, LeaseRequest(workerID: "\(queue)-\(number)", max: 1, queues: [queue], waitSeconds: 60))
      }
      // Registering so many takes a while, and is not what is measured.
      try await Task.sleep(for: .seconds(5))
      let before = clock.now()
      try await Task.sleep(for: .seconds(seconds))
      outcome.idleShare = (clock.now() - before).coordinator / seconds
      outcome.megabytes = ProcessFile.residentMegabytes(pid) ?? .nan
      return outcome
    }
  }

  /// The answers, most often that the connection was closed at the end, are of no interest.
  private static func wait(_ connection: WireConnection, _ request: LeaseRequest) {
    connection.channel.eventLoop.execute {
      connection.send(connection.target.request("POST", "/leases", body: request.json)) { _ in }
    }
  }
}
