import BatonJSON
import BatonShared

extension APIRequest where Answer == JobSnapshot {
  /// Submits a job.
  /// - Parameter idempotencyKey: Sent again with the same key, the job is submitted once; with no key the request is
  ///   not repeated after it may have reached the coordinator.
  public static func submit(_ job: JobSubmission, idempotencyKey: String?) -> Self {
    APIRequest(
      .post, "/jobs", headers: idempotencyKey.map { [("Idempotency-Key", $0)] } ?? [], body: job.json,
      repetition: idempotencyKey == nil ? .unlessSent : .always)
  }

  /// A job as it stands.
  public static func job(_ id: JobID) -> Self { APIRequest(.get, "/jobs/\(id)") }

  /// Cancels a job; a running one is cancelled once its worker has stopped it.
  public static func cancel(_ id: JobID) -> Self { APIRequest(.post, "/jobs/\(id)/cancel") }

  /// Queues a failed or cancelled job again.
  /// - Parameter discardCheckpoint: Start from the beginning instead of the newest checkpoint.
  public static func retry(_ id: JobID, discardCheckpoint: Bool) -> Self {
    var body = JSONWriter()
    body.object { if discardCheckpoint { $0.field("discard_checkpoint", true) } }
    return APIRequest(.post, "/jobs/\(id)/retry", body: body.bytes)
  }
}

extension APIRequest where Answer == BatchReceipt {
  /// Submits many jobs, all or none; at most `BatchSubmission.maximumJobs`.
  public static func submit(_ jobs: [JobSubmission]) -> Self {
    APIRequest(.post, "/jobs/batch", body: BatchSubmission(jobs: jobs).json)
  }
}

extension APIRequest where Answer == JobPage {
  /// The most jobs of a page.
  public static var maximumPage: Int { 1000 }

  /// Jobs, newest first.
  /// - Parameters:
  ///   - limit: The most jobs of the page.
  ///   - cursor: What the page before gave as `nextCursor`.
  public static func jobs(_ filter: JobFilter = JobFilter(), limit: Int? = nil, cursor: String? = nil) -> Self {
    var query = filter.query
    if let limit { query.append(("limit", String(limit))) }
    if let cursor { query.append(("cursor", cursor)) }
    return APIRequest(.get, "/jobs", query: query)
  }
}

extension APIRequest where Answer == AttemptList {
  /// The story of a job, an entry an attempt, a page of them.
  /// - Parameter cursor: What the page before gave as `nextCursor`.
  public static func attempts(_ id: JobID, cursor: String? = nil) -> Self {
    APIRequest(.get, "/jobs/\(id)/attempts", query: cursor.map { [("cursor", $0)] } ?? [])
  }
}

/// A checkpoint's bytes with what is known of them.
public struct CheckpointContent: Sendable {
  public var sequence: Int?
  public var contentType: String
  public var bytes: [UInt8]
}

extension APIRequest where Answer == CheckpointContent {
  /// A job's newest checkpoint.
  public static func checkpoint(_ id: JobID) -> Self {
    APIRequest(.get, "/jobs/\(id)/checkpoint") { answer in
      CheckpointContent(
        sequence: answer.header("Baton-Checkpoint-Sequence").flatMap { DecimalDigits.value($0) },
        contentType: answer.header("Content-Type") ?? "application/octet-stream", bytes: answer.body)
    }
  }
}

extension APIRequest where Answer == [UInt8] {
  /// What a job wrote.
  /// - Parameter attempt: Only what this attempt wrote.
  public static func logs(_ id: JobID, attempt: Int? = nil) -> Self {
    APIRequest(.get, "/jobs/\(id)/logs", query: attempt.map { [("attempt", String($0))] } ?? []) { $0.body }
  }
}
