import BatonJSON
import BatonShared
import BatonTestSupport
import Synchronization

/// A worker in a few lines, which remembers what it was told.
final class HandWorker: Sendable {
  private let coordinator: RunningProcess
  private let queue: String
  private let id = "by-hand-\(UInt64.random(in: .min ... .max))"
  private let settled = Mutex<[LeaseID]>([])

  init(coordinator: RunningProcess, queue: String) {
    self.coordinator = coordinator
    self.queue = queue
  }

  /// The leases whose settlement as done was accepted.
  var accepted: [LeaseID] { settled.withLock { $0 } }

  /// Leases jobs and settles them as done until so many were accepted.
  func work(until count: Int) async throws {
    try await eventually("\(count) settlements that were accepted") {
      guard accepted.count < count else { return true }
      let request = LeaseRequest(workerID: id, max: 2, queues: [queue], kinds: [], waitSeconds: 0.5)
      guard let reply = try? await post("/leases", request.json), reply.status == 200 else { return false }
      for grant in try LeaseGrants(json: reply.body).leases { try await settle(grant.leaseID) }
      return false
    }
  }

  /// Says it again until it is answered, as a worker must.
  private func settle(_ lease: LeaseID) async throws {
    try await eventually("the answer to a settlement") {
      let request = SettleRequest(results: [Settlement(leaseID: lease, outcome: .done)])
      guard let reply = try? await post("/leases/settle", request.json), reply.status == 200 else { return false }
      for result in try SettleReply(json: reply.body).results where result.status == .accepted {
        settled.withLock { $0.append(result.leaseID) }
      }
      return true
    }
  }

  private func post(_ path: String, _ body: [UInt8]) async throws -> HTTPReply {
    try await call(
      "POST", coordinator.address + path, headers: [("Content-Type", "application/json")], body: body,
      timeout: .seconds(5))
  }
}
