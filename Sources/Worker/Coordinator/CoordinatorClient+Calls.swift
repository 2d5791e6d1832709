import BatonJSON
import BatonShared

/// What a worker says to its coordinator.
extension CoordinatorClient {
  /// A checkpoint as it was saved.
  struct Checkpoint: Sendable {
    let bytes: [UInt8]
    let contentType: String
    let sequence: Int?
  }

  /// `PUT /workers/{id}`, once.
  func register(
    _ registration: WorkerRegistration, as workerID: String, timeout: Duration = .seconds(5)
  ) async throws -> RegistrationReceipt {
    let answer = try await send(.PUT, "/workers/\(workerID)", body: registration.json, timeout: timeout)
    return try decode(answer)
  }

  /// `POST /leases`, once: repeating it could lease twice.
  func lease(_ request: LeaseRequest) async throws -> [LeaseGrant] {
    // The coordinator answers when the wait is over; the rest is for the way there and back.
    let timeout = Duration.seconds(request.waitSeconds + 10)
    let answer = try await send(.POST, "/leases", body: request.json, timeout: timeout)
    return try decode(answer, as: LeaseGrants.self).leases
  }

  /// `POST /workers/{id}/heartbeat`, once. One that is not answered within 5 s had better be sent again, on another
  /// connection.
  func heartbeat(_ heartbeat: Heartbeat, of workerID: String, timeout: Duration) async throws -> HeartbeatReply {
    let answer = try await send(
      .POST, "/workers/\(workerID)/heartbeat", body: heartbeat.json, timeout: min(timeout, .seconds(5)))
    return try decode(answer)
  }

  /// `POST /leases/settle`, once.
  func settle(_ settlements: [Settlement], timeout: Duration) async throws -> [SettleReply.Result] {
    let body = SettleRequest(results: settlements).json
    let answer = try await send(.POST, "/leases/settle", body: body, timeout: timeout)
    return try decode(answer, as: SettleReply.self).results
  }

  /// `GET /leases/{lease_id}/checkpoint`; nil where there is none.
  func checkpoint(
    of lease: LeaseID, until deadline: @Sendable () -> ContinuousClock.Instant
  ) async throws -> Checkpoint? {
    do {
      let answer = try await sendRepeatedly(
        .GET, "/leases/\(lease)/checkpoint", timeout: .seconds(120), until: deadline)
      return Checkpoint(
        bytes: answer.body,
        contentType: answer.headers.first(name: "Content-Type") ?? "application/octet-stream",
        sequence: answer.headers.first(name: "Baton-Checkpoint-Sequence").flatMap { DecimalDigits.value($0) })
    } catch CoordinatorError.refused(let problem, _) where problem.knownCode == .notFound {
      // In the coordinator's own words: to begin anew for a load balancer's page would throw the checkpoint away.
      return nil
    }
  }

  /// `PUT /leases/{lease_id}/checkpoint`. Saving the same bytes twice does no harm, so it is repeated.
  func saveCheckpoint(
    _ bytes: [UInt8], contentType: String, of lease: LeaseID, until deadline: @Sendable () -> ContinuousClock.Instant
  ) async throws -> CheckpointReceipt {
    let answer = try await sendRepeatedly(
      .PUT, "/leases/\(lease)/checkpoint", body: bytes, contentType: contentType, timeout: .seconds(120),
      until: deadline)
    return try decode(answer)
  }

  /// `POST /leases/{lease_id}/logs`, once: repeating it could append twice.
  func appendLog(_ text: [UInt8], of lease: LeaseID, timeout: Duration) async throws {
    _ = try await send(
      .POST, "/leases/\(lease)/logs", body: text, contentType: "text/plain; charset=utf-8", timeout: timeout)
  }

  private func decode<Message: JSONDecodable>(
    _ answer: Answer, as type: Message.Type = Message.self
  ) throws -> Message {
    do {
      return try Message(json: answer.body)
    } catch {
      throw CoordinatorError.unintelligible("\(error)")
    }
  }
}
