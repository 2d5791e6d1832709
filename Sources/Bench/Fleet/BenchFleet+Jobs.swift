import BatonJSON
import BatonShared
import NIOCore

extension BenchFleet {
  /// Submits a job.
  /// - Returns: Its id.
  func submit(_ submission: JobSubmission, to coordinator: BenchProgram) async throws -> JobID {
    let reply = try await ask(coordinator, "POST", "/jobs", body: submission.json)
    try reply.expect(201, "the submission")
    return try JobSnapshot(json: Array(buffer: reply.body)).id
  }

  func cancel(_ job: JobID, at coordinator: BenchProgram) async throws {
    try await ask(coordinator, "POST", "/jobs/\(job)/cancel").expect(200, "the cancellation")
  }
}
