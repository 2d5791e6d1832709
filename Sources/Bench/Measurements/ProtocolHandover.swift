import BatonJSON
import BatonShared
import NIOCore
import NIOPosix

/// The gap of a hand-over, with the worker's side of the protocol spoken by the benchmark itself: what the coordinator
/// and the database take, and nothing else.
///
/// One job passes between two workers. Each time, one holds it and the other has waited for work for a while; the
/// holder reports `interrupted`, and the other is given the job.
struct ProtocolHandover: Sendable {
  /// How long the other has waited at least when the job is released.
  private static let idle = Duration.milliseconds(20)
  /// The first ones are not counted: every connection of the coordinator prepares its statements once.
  static let warmUp = 16

  let target: WireTarget
  let queue: String
  let rounds: Int

  struct Outcome: Sendable {
    var job: JobID
    /// Milliseconds from the moment the holder sends its report to the moment the other has read its lease. Both
    /// commits lie between.
    var releaseToStart: [Double] = []
    /// Milliseconds from the answer to the report to the lease; below zero where the lease is there first.
    var acknowledgedToStart: [Double] = []
    /// Milliseconds from the report to its answer.
    var acknowledgement: [Double] = []
  }

  func run() async throws -> Outcome {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let holder = try await HandoverWorker.connect(to: target, on: loop, queue: queue)
    let waiter = try await HandoverWorker.connect(to: target, on: loop, queue: queue)
    let submission = JobSubmission(kind: "bench", queue: queue, maxLosses: 1000)
    var outcome = Outcome(job: try await holder.submit(submission))
    var (lease, _) = try await holder.lease()
    for round in 0..<rounds + Self.warmUp {
      let (holder, waiter) = round.isMultiple(of: 2) ? (holder, waiter) : (waiter, holder)
      async let granted = waiter.lease()
      try await Task.sleep(for: Self.idle)
      let released = try await holder.release(lease)
      let (next, reply) = try await granted
      lease = next
      guard round >= Self.warmUp else { continue }
      outcome.releaseToStart.append((reply.receivedAt - released.sentAt).milliseconds)
      outcome.acknowledgedToStart.append((reply.receivedAt - released.receivedAt).milliseconds)
      outcome.acknowledgement.append((released.receivedAt - released.sentAt).milliseconds)
    }
    _ = try await holder.settle(lease, as: .done)
    await holder.connection.close()
    await waiter.connection.close()
    return outcome
  }
}

/// A worker in a few lines.
private struct HandoverWorker: Sendable {
  let connection: WireConnection
  let id: String
  let queue: String

  static func connect(to target: WireTarget, on loop: any EventLoop, queue: String) async throws -> HandoverWorker {
    let id = "bench-" + String(UInt64.random(in: .min ... .max), radix: 36)
    return HandoverWorker(connection: try await WireConnection.connect(to: target, on: loop), id: id, queue: queue)
  }

  func submit(_ submission: JobSubmission) async throws -> JobID {
    let reply = try await connection.call(connection.target.request("POST", "/jobs", body: submission.json))
    try reply.expect(201, "the submission")
    return try JobSnapshot(json: Array(buffer: reply.body)).id
  }

  /// Waits for a job as long as it takes.
  func lease() async throws -> (LeaseID, WireReply) {
    let request = LeaseRequest(workerID: id, max: 1, queues: [queue], waitSeconds: 30)
    while true {
      let reply = try await connection.call(connection.target.request("POST", "/leases", body: request.json))
      try reply.expect(200, "the request for a lease")
      if let grant = try LeaseGrants(json: Array(buffer: reply.body)).leases.first { return (grant.leaseID, reply) }
    }
  }

  func release(_ lease: LeaseID) async throws -> WireReply { try await settle(lease, as: .interrupted) }

  func settle(_ lease: LeaseID, as outcome: SettleOutcome) async throws -> WireReply {
    let request = SettleRequest(results: [Settlement(leaseID: lease, outcome: outcome)])
    let reply = try await connection.call(connection.target.request("POST", "/leases/settle", body: request.json))
    try reply.expect(200, "the settlement")
    guard try SettleReply(json: Array(buffer: reply.body)).results.first?.status == .accepted else {
      throw BenchError("a settlement was not accepted: the lease was lost")
    }
    return reply
  }
}

extension Duration {
  /// With fractions.
  var milliseconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) * 1000 + Double(attoseconds) / 1e15
  }

  /// With fractions.
  var inSeconds: Double { milliseconds / 1000 }
}
