import BatonJSON
import BatonShared
import HTTPTypes
import Hummingbird
import NIOCore

/// For workers.
struct WorkerRoutes {
  let coordinator: CoordinatorCore

  private static let maximumSmallBody = 256 << 10
  /// The most text of one request to append to a log.
  private static let maximumLogPiece = 1 << 20

  func add(to routes: inout Routes) {
    routes.on(.put, "/workers/{id}", [.work]) { [coordinator] request, context in
      let id = try context.name("worker")
      let registration: WorkerRegistration = try await request.decode(upTo: Self.maximumSmallBody, in: context)
      _ = try await coordinator.registry.register(id, registration)
      return .json(
        RegistrationReceipt(
          leaseTTLSeconds: coordinator.configuration.leaseTTLSeconds,
          heartbeatSeconds: coordinator.configuration.heartbeatSeconds))
    }
    routes.on(.post, "/workers/{id}/heartbeat", [.work]) { request, context in
      try await heartbeat(request, context, worker: try context.name("worker"))
    }
    routes.on(.post, "/leases", [.work]) { request, context in try await lease(request, context) }
    routes.on(.post, "/leases/settle", [.work]) { request, context in try await settle(request, context) }
    routes.on(.get, "/leases/{id}/checkpoint", [.work]) { [coordinator] _, context in
      let id = try context.leaseID()
      return try await coordinator.transfers.download(absent: .leaseLost) { slice in
        try await coordinator.store.checkpoint(lease: id, slice)
      }
    }
    routes.on(.put, "/leases/{id}/checkpoint", [.work]) { request, context in
      try await saveCheckpoint(request, context, lease: try context.leaseID())
    }
    routes.on(.post, "/leases/{id}/logs", [.work]) { request, context in
      try await appendLog(request, context, lease: try context.leaseID())
    }
  }

  // MARK: Leasing

  // Ten thousand that wait keep, each, the frames of all functions that wait with them. So these hold little, and what comes
  // before and after is never inlined into them.

  @Sendable private func lease(_ request: Request, _ context: APIContext) async throws -> Response {
    try await answerThoseThatFit(leases(request, context), context)
  }

  @inline(never)
  private func leases(_ request: Request, _ context: APIContext) async throws -> [Lease] {
    let (wanted, capacityType, peer) = try await wish(request, context)
    return try await coordinator.dispatcher.lease(wanted, capacityType: capacityType, peer: peer)
  }

  /// What is asked for, and by whom.
  @inline(never)
  private func wish(
    _ request: Request, _ context: APIContext
  ) async throws -> (LeaseRequest, CapacityType, PeerWatch) {
    var wanted: LeaseRequest = try await request.decode(upTo: Self.maximumSmallBody, in: context)
    wanted.waitSeconds = min(wanted.waitSeconds, coordinator.configuration.limits.maxWaitSeconds)
    let facts = try await coordinator.registry.facts(of: wanted.workerID)
    guard !facts.isDraining else { throw Problem.workerDraining(wanted.workerID) }
    return (wanted, facts.capacityType, try await PeerWatch.of(context.channel))
  }

  /// Hands back what there is no memory for now; one at least is answered, or there is too much to do.
  @inline(never)
  private func answerThoseThatFit(_ leases: [Lease], _ context: APIContext) async throws -> Response {
    let grants = LeaseGrants(leases: leases.map(\.grant))
    guard !leases.isEmpty else { return .json(grants) }
    var kept = grants.leases.count
    while true {
      let part = LeaseGrants(leases: Array(grants.leases.prefix(kept)))
      let bytes = part.json
      do throws(Problem) {
        try context.share?.grow(to: bytes.count)
        await handBack(grants.leases.dropFirst(kept))
        return answer(part, ByteBuffer(bytes: bytes))
      } catch {
        kept /= 2
        if kept > 0 { continue }
        await handBack(grants.leases[...])
        throw error
      }
    }
  }

  private func handBack(_ grants: ArraySlice<LeaseGrant>) async {
    await coordinator.dispatcher.handBack(grants.map(\.leaseID), reason: "there was no memory for the answer")
  }

  /// Writes the leases; if the asker has gone they are handed back at once.
  private func answer(_ grants: LeaseGrants, _ buffer: ByteBuffer) -> Response {
    let delivery = LeaseDelivery { [coordinator] in
      await coordinator.dispatcher.handBack(
        grants.leases.map(\.leaseID), reason: "the asker had gone before it could be answered")
    }
    let body = ResponseBody(contentLength: buffer.readableBytes) { writer in
      try await writer.write(buffer)
      try await writer.finish(nil)
      delivery.isWritten()
    }
    return Response(status: .ok, headers: [.contentType: "application/json"], body: body)
  }

  // MARK: Renewing and settling

  @Sendable private func heartbeat(
    _ request: Request, _ context: APIContext, worker: String
  ) async throws -> Response {
    let heartbeat: Heartbeat = try await request.decode(
      upTo: coordinator.configuration.maxBodyBytes, in: context)
    async let statuses = coordinator.renewer.submit(heartbeat.leases)
    let pulse = WorkerPulse(workerID: worker, state: heartbeat.state, interruption: heartbeat.interruption)
    let drain: Bool
    if heartbeat.leases.isEmpty {
      drain = try await note(pulse)
    } else {
      // What was renewed is renewed, and must be told; whether it is to drain, the next heartbeat tells.
      drain = await soon(within: .seconds(1)) { (try? await note(pulse)) ?? false } ?? false
    }
    let leases = zip(heartbeat.leases, try await statuses).map { lease, status in
      HeartbeatReply.Lease(leaseID: lease.leaseID, status: status)
    }
    return .json(HeartbeatReply(drain: drain, leases: leases))
  }

  /// - Returns: Whether somebody asked the worker to drain.
  private func note(_ pulse: WorkerPulse) async throws -> Bool {
    let (drain, facts) = try await coordinator.pulses.submit(pulse)
    coordinator.registry.remember(pulse.workerID, facts)
    // It may have a request waiting here, from before it was told to go.
    if facts.isDraining { coordinator.dispatcher.expel(workerID: pulse.workerID) }
    return drain
  }

  @Sendable private func settle(_ request: Request, _ context: APIContext) async throws -> Response {
    let settle: SettleRequest = try await request.decode(
      upTo: coordinator.configuration.maxBodyBytes, in: context)
    let limit = coordinator.configuration.maxPayloadBytes
    for (index, settlement) in settle.results.enumerated() where settlement.result?.bytes.count ?? 0 > limit {
      throw Problem(.payloadTooLarge, "'results[\(index)].result' must be at most \(limit) bytes")
    }
    let statuses = try await coordinator.settler.submit(settle.results)
    return .json(
      SettleReply(
        results: zip(settle.results, statuses).map { SettleReply.Result(leaseID: $0.leaseID, status: $1) }))
  }

  // MARK: Checkpoints and logs

  private func saveCheckpoint(
    _ request: Request, _ context: APIContext, lease: LeaseID
  ) async throws -> Response {
    let contentType = request.headers[.contentType] ?? "application/octet-stream"
    guard contentType.utf8.count <= 256, contentType.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw Problem(.invalidRequest, "the header Content-Type must be at most 256 printable ASCII characters")
    }
    let upload = try await coordinator.transfers.upload(
      request, upTo: coordinator.configuration.maxCheckpointBytes, in: context
    ) { try await coordinator.store.isInForce(lease) }
    guard let (bytes, share) = upload else { return Problem.leaseLost.response(beforeTheEndOf: request) }
    defer { share?.giveBack() }
    guard let sequence = try await coordinator.store.saveCheckpoint(bytes, contentType: contentType, lease: lease)
    else { throw Problem.leaseLost }
    return .json(CheckpointReceipt(sequence: sequence))
  }

  private func appendLog(
    _ request: Request, _ context: APIContext, lease: LeaseID
  ) async throws -> Response {
    let upload = try await coordinator.transfers.upload(
      request, upTo: min(Self.maximumLogPiece, coordinator.configuration.maxLogBytes), in: context
    ) { try await coordinator.store.isInForce(lease) }
    guard let (bytes, share) = upload else { return Problem.leaseLost.response(beforeTheEndOf: request) }
    defer { share?.giveBack() }
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw Problem(.invalidRequest, "the body must be UTF-8 text without the character U+0000")
    }
    let kept = try await coordinator.store.appendLog(
      text, lease: lease, keepingBytes: coordinator.configuration.maxLogBytes)
    guard kept else { throw Problem.leaseLost }
    return Response(status: .noContent)
  }
}
