import BatonJSON
import BatonShared
import BatonTestSupport
import Hummingbird
import NIOCore

@testable import BatonWorker

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A coordinator in memory that speaks real HTTP, remembers everything it was told, and misbehaves on demand.
final class CoordinatorDouble: Sendable {
  struct Job: Sendable {
    var id: JobID
    var kind: String
    var payload: RawJSON
    var onInterruption: InterruptionBehaviour
    var timeoutSeconds: Double?
    var attempt = 0
    var interruptions = 0
    var checkpoint: [UInt8]?
    var sequence = 0
    var log: [UInt8] = []
    var outcome: Settlement?
    var lease: LeaseID?
  }

  struct State: Sendable {
    var ttl = 30.0
    var heartbeat = 10.0
    var jobs: [JobID: Job] = [:]
    var queued: [JobID] = []
    var leases: [LeaseID: JobID] = [:]
    var expiries: [LeaseID: ContinuousClock.Instant] = [:]
    /// When leases were given of which nothing was heard since.
    var unheard: [LeaseID: ContinuousClock.Instant] = [:]
    var drain = false
    var cancelled: Set<JobID> = []
    /// The leases of each request that settles, as they came.
    var settleRequests: [[LeaseID]] = []
    /// Every settlement that was looked at, with what was answered.
    var settlements: [(settlement: Settlement, status: SettleStatus)] = []
    var heartbeats: [Heartbeat] = []
    var registrations: [WorkerRegistration] = []
    var leaseRequests = 0
    var checkpointsSaved: [[UInt8]] = []
    /// Calls that were refused because their lease is gone, by route.
    var refused: [String] = []

    // How it misbehaves.
    /// Settlements are applied, but their answer never comes, this often.
    var swallowSettleAnswers = 0
    /// Settlements are looked at only once this is false.
    var holdSettlements = false
    /// A settlement with a result is refused, and all that come with it.
    var refusesResults = false
    /// Every request is answered 503.
    var isDown = false
    /// Every request is answered 401, as after a change of tokens.
    var refusesTokens = false
    /// The paths of those that were either.
    var turnedAway: [String] = []
    /// Leases are answered only once this is false.
    var holdLeaseAnswers = false
    /// Heartbeats are answered only once this is false.
    var holdHeartbeatAnswers = false
    /// Checkpoints are saved only once this is false.
    var holdCheckpoints = false
    /// Checkpoints that have arrived, saved or not yet.
    var checkpointRequests = 0
    var endsPollsOfDrainingWorkers = true
    var drainingWorkers: Set<String> = []
  }

  let state: Watched<State>
  let port: Int

  private init(state: Watched<State>, port: Int) {
    self.state = state
    self.port = port
  }

  var url: URL { URL(string: "http://127.0.0.1:\(port)")! }

  /// Runs one for as long as `body` does.
  static func run<Result: Sendable>(
    ttl: Double = 30, heartbeat: Double = 10, port: Int = 0,
    _ body: @escaping @Sendable (CoordinatorDouble) async throws -> Result
  ) async throws -> Result {
    let state = Watched(State(ttl: ttl, heartbeat: heartbeat))
    return try await serving(router(state), port: port) { port in
      try await body(CoordinatorDouble(state: state, port: port))
    }
  }

  // MARK: What tests do and look at

  @discardableResult
  func submit(
    _ kind: String, _ payload: String = "{}", onInterruption: InterruptionBehaviour = .auto,
    timeoutSeconds: Double? = nil, checkpoint: [UInt8]? = nil
  ) throws -> JobID {
    let id = JobIDGenerator().next()
    let job = Job(
      id: id, kind: kind, payload: try RawJSON(parsing: payload), onInterruption: onInterruption,
      timeoutSeconds: timeoutSeconds, checkpoint: checkpoint, sequence: checkpoint == nil ? 0 : 1)
    state.update { state in
      state.jobs[id] = job
      state.queued.append(id)
    }
    return id
  }

  /// Waits for the job's final settlement that was accepted.
  func outcome(of id: JobID, within seconds: Double = 60) async throws -> Settlement {
    let state = await state.first(before: .now + .seconds(seconds)) { $0.jobs[id]?.outcome != nil }
    guard let outcome = state?.jobs[id]?.outcome else { throw TooLate(description: "no outcome of \(id)") }
    return outcome
  }

  /// Waits until something holds.
  @discardableResult
  func wait(
    _ what: String, within seconds: Double = 60, _ condition: @escaping @Sendable (State) -> Bool
  ) async throws -> State {
    guard let state = await state.first(before: .now + .seconds(seconds), where: condition) else {
      throw TooLate(description: "waited in vain for \(what)")
    }
    return state
  }

  /// Gives the job to somebody else, as the reaper does with an expired lease.
  func takeAway(_ id: JobID) {
    state.update { state in
      guard let lease = state.jobs[id]?.lease else { return }
      state.leases[lease] = nil
      state.jobs[id]?.lease = nil
    }
  }

  /// Gives the jobs to somebody else when their leases have expired, as the reaper does.
  ///
  /// Only the clock tells when that is: requests that were on their way may still renew them.
  func takeAwayExpired(_ ids: [JobID]) async throws {
    try await eventually("the end of the leases") {
      state.read { state in
        ids.allSatisfy { id in state.jobs[id]?.lease.flatMap { state.expiries[$0] }.map { $0 < .now } ?? true }
      }
    }
    for id in ids { takeAway(id) }
  }

  // MARK: Routes

  private static func router(_ state: Watched<State>) -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.add(middleware: ProblemMiddleware())
    router.put("workers/:id") { request, _ in
      try check(request, state)
      let registration = try WorkerRegistration(json: try await body(request))
      return json(
        state.update { state in
          state.registrations.append(registration)
          return RegistrationReceipt(leaseTTLSeconds: state.ttl, heartbeatSeconds: state.heartbeat)
        })
    }
    router.post("workers/:id/heartbeat") { request, context in
      try check(request, state)
      let heartbeat = try Heartbeat(json: try await body(request))
      let worker = try context.parameters.require("id")
      let reply = state.update { beat(heartbeat, of: worker, &$0) }
      try await state.first { !$0.holdHeartbeatAnswers }
      return json(reply)
    }
    router.post("leases") { request, _ in
      try check(request, state)
      let request = try LeaseRequest(json: try await body(request))
      state.update { $0.leaseRequests += 1 }
      return json(LeaseGrants(leases: try await lease(request, state)))
    }
    router.post("leases/settle") { request, _ in
      try check(request, state)
      let request = try SettleRequest(json: try await body(request))
      state.update { $0.settleRequests.append(request.results.map(\.leaseID)) }
      try await state.first { !$0.holdSettlements }
      if state.value.refusesResults, request.results.contains(where: { $0.result != nil }) {
        throw Problem(.payloadTooLarge, "a result, as the test wishes")
      }
      let (reply, isSwallowed) = state.update { state in
        state.swallowSettleAnswers -= 1
        return (settle(request, &state), state.swallowSettleAnswers >= 0)
      }
      if isSwallowed { throw Problem(status: 504, title: "Gateway timeout", detail: "", code: "http_504") }
      return json(reply)
    }
    router.get("leases/:id/checkpoint") { request, context in
      try check(request, state)
      let job = try held(context, state, "GET checkpoint")
      guard let checkpoint = job.checkpoint else { throw Problem(.notFound, "no checkpoint") }
      return Response(
        status: .ok, headers: [.contentType: "application/octet-stream"],
        body: .init(byteBuffer: ByteBuffer(bytes: checkpoint)))
    }
    router.put("leases/:id/checkpoint") { request, context in
      try check(request, state)
      let bytes = try await body(request)
      state.update { $0.checkpointRequests += 1 }
      try await state.first { !$0.holdCheckpoints }
      let job = try held(context, state, "PUT checkpoint")
      return json(
        state.update { state in
          state.jobs[job.id]?.checkpoint = bytes
          state.jobs[job.id]?.sequence += 1
          state.checkpointsSaved.append(bytes)
          return CheckpointReceipt(sequence: job.sequence + 1)
        })
    }
    router.post("leases/:id/logs") { request, context in
      try check(request, state)
      let bytes = try await body(request)
      let job = try held(context, state, "POST logs")
      state.update { $0.jobs[job.id]?.log.append(contentsOf: bytes) }
      return Response(status: .noContent)
    }
    return router
  }

  private static func check(_ request: Request, _ state: Watched<State>) throws {
    let refusal: Problem? = state.update { state in
      guard state.isDown || state.refusesTokens else { return nil }
      state.turnedAway.append(request.uri.path)
      return state.isDown
        ? Problem(.databaseUnavailable, "down, as the test wishes")
        : Problem(.unauthorized, "another token, as the test wishes")
    }
    if let refusal { throw refusal }
  }

  private static func beat(_ heartbeat: Heartbeat, of worker: String, _ state: inout State) -> HeartbeatReply {
    state.heartbeats.append(heartbeat)
    for lease in heartbeat.leases { state.unheard[lease.leaseID] = nil }
    if heartbeat.state == .draining { state.drainingWorkers.insert(worker) }
    return HeartbeatReply(
      drain: state.drain,
      leases: heartbeat.leases.map { lease in
        guard let job = state.leases[lease.leaseID] else { return .init(leaseID: lease.leaseID, status: .lost) }
        state.expiries[lease.leaseID] = .now + .seconds(state.ttl)
        return .init(leaseID: lease.leaseID, status: state.cancelled.contains(job) ? .cancel : .held)
      })
  }

  private static func lease(_ request: LeaseRequest, _ state: Watched<State>) async throws -> [LeaseGrant] {
    let end = ContinuousClock.now + .seconds(request.waitSeconds)
    while true {
      let woken = await state.first(before: end) { state in
        state.queued.contains { takes($0, request, state) } || !undelivered(state).isEmpty
          || state.endsPollsOfDrainingWorkers && state.drainingWorkers.contains(request.workerID)
      }
      guard woken != nil else { return [] }
      let grants: [LeaseGrant]? = state.update { state in
        if state.endsPollsOfDrainingWorkers, state.drainingWorkers.contains(request.workerID) { return nil }
        takeBackUndelivered(&state)
        return grant(request, &state)
      }
      guard let grants else { throw Problem(.workerDraining, "the worker drains") }
      // Another request was quicker.
      if grants.isEmpty { continue }
      try await state.first { !$0.holdLeaseAnswers }
      return grants
    }
  }

  /// Leases whose answer has not arrived: on a slow machine the worker may have hung up on it. A coordinator notices that,
  /// and hands them back.
  private static func undelivered(_ state: State) -> [LeaseID] {
    let patience = Duration.seconds(5 + 2 * state.heartbeat)
    return state.unheard.filter { $0.value + patience < .now && state.leases[$0.key] != nil }.map(\.key)
  }

  private static func takeBackUndelivered(_ state: inout State) {
    for lease in undelivered(state) {
      guard let id = state.leases.removeValue(forKey: lease) else { continue }
      state.jobs[id]?.lease = nil
      state.queued.append(id)
    }
  }

  private static func takes(_ id: JobID, _ request: LeaseRequest, _ state: State) -> Bool {
    request.kinds.isEmpty || state.jobs[id].map { request.kinds.contains($0.kind) } ?? false
  }

  private static func grant(_ request: LeaseRequest, _ state: inout State) -> [LeaseGrant] {
    var grants: [LeaseGrant] = []
    for id in state.queued where grants.count < request.max && takes(id, request, state) {
      guard var job = state.jobs[id] else { continue }
      let lease = LeaseID()
      job.attempt += 1
      job.lease = lease
      state.jobs[id] = job
      state.leases[lease] = id
      state.unheard[lease] = .now
      state.expiries[lease] = .now + .seconds(state.ttl)
      grants.append(
        LeaseGrant(
          leaseID: lease, jobID: id, queue: "default", kind: job.kind, payload: job.payload, attempt: job.attempt,
          interruptions: job.interruptions, leaseTTLSeconds: state.ttl, timeoutSeconds: job.timeoutSeconds,
          onInterruption: job.onInterruption,
          checkpoint: job.checkpoint.map {
            .init(sequence: job.sequence, sizeBytes: $0.count, contentType: "application/octet-stream")
          }))
    }
    let granted = Set(grants.map(\.jobID))
    state.queued.removeAll { granted.contains($0) }
    return grants
  }

  private static func settle(_ request: SettleRequest, _ state: inout State) -> SettleReply {
    SettleReply(
      results: request.results.map { settlement in
        let isRepeated = state.settlements.contains {
          $0.settlement.leaseID == settlement.leaseID && $0.status == .accepted
            && $0.settlement.outcome == settlement.outcome
        }
        guard let id = state.leases.removeValue(forKey: settlement.leaseID) else {
          let status = isRepeated ? SettleStatus.accepted : .lost
          state.settlements.append((settlement, status))
          return .init(leaseID: settlement.leaseID, status: status)
        }
        state.settlements.append((settlement, .accepted))
        state.jobs[id]?.outcome = settlement
        state.jobs[id]?.lease = nil
        return .init(leaseID: settlement.leaseID, status: .accepted)
      })
  }

  private static func held(
    _ context: BasicRequestContext, _ state: Watched<State>, _ route: String
  ) throws -> Job {
    let text = try context.parameters.require("id")
    let current = state.value
    guard let lease = LeaseID(text), let id = current.leases[lease], let job = current.jobs[id] else {
      state.update { $0.refused.append(route) }
      throw Problem(.leaseLost, "the lease is not in force")
    }
    return job
  }

  private static func body(_ request: Request) async throws -> [UInt8] {
    Array(buffer: try await request.body.collect(upTo: 64 << 20))
  }

  private static func json(_ message: some JSONEncodable) -> Response {
    Response(
      status: .ok, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: ByteBuffer(bytes: message.json)))
  }
}
