import BatonJSON
import BatonShared
import HTTPTypes
import Hummingbird

/// For those who submit jobs and look after them.
struct JobRoutes {
  let coordinator: CoordinatorCore

  /// The longest idempotency key.
  static let maximumKeyBytes = 255

  func add(to routes: inout Routes) {
    routes.on(.post, "/jobs", [.submit]) { request, context in try await submit(request, context) }
    routes.on(.post, "/jobs/batch", [.submit]) { request, context in try await submitBatch(request, context) }
    routes.on(.get, "/jobs", [.submit]) { [coordinator] request, _ in
      let page = try await coordinator.store.list(try JobListing(query: QueryString(request.uri.query)))
      return try .json(page, counted: coordinator.requestMemory)
    }
    routes.on(.get, "/jobs/{id}", [.submit]) { [coordinator] _, context in
      try .json(try await job(try context.jobID()), counted: coordinator.requestMemory)
    }
    routes.on(.get, "/jobs/{id}/attempts", [.submit]) { request, context in try await attempts(request, context) }
    routes.on(.get, "/jobs/{id}/checkpoint", [.submit]) { [coordinator] _, context in
      let id = try context.jobID()
      return try await coordinator.transfers.download(absent: .noSuchJob) { slice in
        try await coordinator.store.checkpoint(job: id, slice)
      }
    }
    routes.on(.get, "/jobs/{id}/logs", [.submit]) { request, context in try await logs(request, context) }
    routes.on(.post, "/jobs/{id}/cancel", [.submit]) { [coordinator] request, context in
      try await request.expectNoFields()
      let id = try context.jobID()
      return try await changed(id, try await coordinator.store.cancel(id), verb: "cancelled")
    }
    routes.on(.post, "/jobs/{id}/retry", [.submit]) { [coordinator] request, context in
      let id = try context.jobID()
      let bytes = try await request.bytes(upTo: 1024, share: context.share)
      let options = bytes.isEmpty ? RetryOptions() : try RetryOptions(json: bytes)
      let outcome = try await coordinator.store.retry(id, discardCheckpoint: options.discardCheckpoint)
      return try await changed(id, outcome, verb: "retried")
    }
  }

  // MARK: Submitting

  @Sendable private func submit(_ request: Request, _ context: APIContext) async throws -> Response {
    let limit = coordinator.configuration.maxPayloadBytes
    let submission: JobSubmission = try await request.decode(
      upTo: limit + RequestLimits.besidePayloadBytes, in: context)
    try check(submission, at: "")
    let key = try idempotencyKey(request)
    let job = NewJob(id: coordinator.ids.next(), submission: submission, idempotencyKey: key)
    switch try await coordinator.enqueuer.submit(job) {
    case .created(let instant):
      let snapshot = JobSnapshot(job, createdAt: instant)
      return .json(snapshot, status: .created, headers: [.location: "/jobs/\(snapshot.id)"])
    case .repeated(let id):
      return .json(try await self.job(id), headers: [.location: "/jobs/\(id)"])
    case .conflict:
      throw Problem(.conflict, "the Idempotency-Key was used for another submission")
    }
  }

  @Sendable private func submitBatch(_ request: Request, _ context: APIContext) async throws -> Response {
    let batch: BatchSubmission = try await request.decode(
      upTo: coordinator.configuration.maxBodyBytes, in: context)
    let limit = coordinator.configuration.limits.maxBatchJobs
    guard batch.jobs.count <= limit else { throw JSONError(field: "jobs", expected: "a list of at most \(limit) jobs") }
    for (index, submission) in batch.jobs.enumerated() { try check(submission, at: "jobs[\(index)].") }
    let jobs = batch.jobs.map { NewJob(id: coordinator.ids.next(), submission: $0) }
    _ = try await coordinator.enqueuer.submit(jobs)
    return .json(BatchReceipt(ids: jobs.map(\.id)), status: .created)
  }

  private func check(_ submission: JobSubmission, at path: @autoclosure () -> String) throws {
    let limit = coordinator.configuration.maxPayloadBytes
    guard submission.payload.bytes.count <= limit else {
      throw Problem(.payloadTooLarge, "'\(path())payload' must be at most \(limit) bytes")
    }
    try coordinator.configuration.limits.check(submission, at: path())
  }

  private func idempotencyKey(_ request: Request) throws -> String? {
    guard let name = HTTPField.Name("Idempotency-Key"), let key = request.headers[name] else { return nil }
    guard Self.isKey(key) else {
      throw Problem(
        .invalidRequest, "the header Idempotency-Key must be 1 to \(Self.maximumKeyBytes) printable ASCII characters")
    }
    return key
  }

  /// Whether it can be an idempotency key.
  static func isKey(_ text: String) -> Bool {
    (1...maximumKeyBytes).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
  }

  // MARK: Looking

  private func job(_ id: JobID) async throws -> JobSnapshot {
    guard let job = try await coordinator.store.job(id) else { throw Problem.noSuchJob }
    return job
  }

  @Sendable private func attempts(_ request: Request, _ context: APIContext) async throws -> Response {
    let page = try PageRequest(query: QueryString(request.uri.query))
    let last = try page.cursor { DecimalDigits.value($0).flatMap { Int32(exactly: $0) } } ?? 0
    let found = try await coordinator.store.attempts(
      of: try context.jobID(), limit: page.limit + 1, after: Int(last))
    guard let found else { throw Problem.noSuchJob }
    let attempts = found.prefix(page.limit).map { $0.shown(to: context.role) }
    let list = AttemptList(
      attempts: attempts, nextCursor: found.count > page.limit ? attempts.last.map { "\($0.attempt)" } : nil)
    return try .json(list, counted: coordinator.requestMemory)
  }

  @Sendable private func logs(_ request: Request, _ context: APIContext) async throws -> Response {
    var attempt: Int?
    for (name, value) in try QueryString(request.uri.query).parameters {
      guard name == "attempt" else { throw Problem.unknownParameter(name) }
      guard let number = DecimalDigits.value(value), (1...Int(Int32.max)).contains(number) else {
        throw Problem(.invalidRequest, "'attempt' must be an integer from 1 to \(Int32.max)")
      }
      attempt = number
    }
    let id = try context.jobID()
    return try await coordinator.transfers.log { [attempt] limit in
      try await coordinator.store.log(job: id, attempt: attempt, upTo: limit)
    }
  }

  // MARK: Changing

  private func changed(_ id: JobID, _ outcome: ChangeOutcome, verb: String) async throws -> Response {
    switch outcome {
    case .notFound: throw Problem.noSuchJob
    case .refused(let status):
      throw Problem(.conflict, "a job that is \(status.rawValue) cannot be \(verb)")
    case .changed(let requeued):
      if let requeued { await coordinator.wakes.wake([requeued]) }
      return .json(try await job(id))
    }
  }
}

extension Problem {
  static func unknownParameter(_ name: some StringProtocol) -> Problem {
    Problem(.invalidRequest, "there is no parameter '\(name)'")
  }
}
