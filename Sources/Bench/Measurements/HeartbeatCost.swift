import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// What it costs to keep leases in force.
struct HeartbeatCost: Sendable {
  /// Leases of one worker, and of one heartbeat.
  static let leasesPerWorker = 1000

  let target: WireTarget
  let queue: String
  let clock: CPUClock
  let workers: Int
  let rounds: Int

  /// - Returns: an entry a round: each is a heartbeat of every worker, over eight connections.
  func run() async throws -> [LoadResult] {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let jobs = workers * Self.leasesPerWorker
    return try await LoadGenerator.with(8, to: target, clock: clock, on: loop) { generator in
      let requests = WorkRequests(target: target, queue: queue, batch: Self.leasesPerWorker)
      _ = try await generator.run { number in
        number == 0 ? SubmitScript(requests, jobs: jobs) : SubmitScript(requests, jobs: 0)
      }
      let baskets = (0..<workers).map { _ in LeaseBasket() }
      for worker in 0..<workers {
        _ = try await generator.run { number in
          LeaseScript(
            requests, worker: name(worker), jobs: number == 0 ? Self.leasesPerWorker : 0, into: baskets[worker])
        }
      }
      let held = baskets.map { $0.takeAll() }
      let beats = held.enumerated().map { number, leases in
        target.request("POST", "/workers/\(name(number))/heartbeat", body: Self.body(leases))
      }
      var results: [LoadResult] = []
      for _ in 0..<rounds {
        let result = try await generator.run { number in
          HeartbeatScript(stride(from: number, to: workers, by: 8).map { beats[$0] }, leases: Self.leasesPerWorker)
        }
        results.append(result)
      }
      let all = held.flatMap { $0 }
      _ = try await generator.run { number in SettleScript(requests, leases: number == 0 ? all : []) }
      return results
    }
  }

  private func name(_ worker: Int) -> String { "\(queue)-\(worker)" }

  private static func body(_ leases: [LeaseText]) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("state", WorkerState.active.rawValue)
      writer.key("leases")
      writer.array { writer in
        for lease in leases {
          writer.object { $0.field("lease_id", String(decoding: lease.bytes, as: UTF8.self)) }
        }
      }
    }
    return writer.bytes
  }
}

/// Sends heartbeats, one after the other.
private final class HeartbeatScript: LoadScript {
  private var left: ArraySlice<ByteBuffer>
  private let leases: Int

  init(_ requests: [ByteBuffer], leases: Int) {
    left = requests[...]
    self.leases = leases
  }

  func next() -> ByteBuffer? { left.first }

  func take(_ reply: WireReply) throws -> Int {
    try reply.expect(200, "a heartbeat")
    guard LeaseText.count(of: "\"held\"", in: reply.body) == leases else {
      throw BenchError("a heartbeat did not keep all leases")
    }
    left.removeFirst()
    return leases
  }
}
