import BatonShared
import BatonTestSupport
import Testing

@testable import BatonWorker

/// What jobs are about is on their record, for those who may read it; a worker's log is read by others.
@Suite struct LogSecrecyTests {
  private struct Complaint: Error, CustomStringConvertible {
    let description: String
  }

  private static func failing(with mark: String) -> [any JobHandler] {
    [
      ClosureHandler("complains") { (_: JobContext) async throws -> Void in throw Complaint(description: mark) },
      ClosureHandler("fails") { (_: JobContext) async throws -> Void in
        throw JobFailed(code: "bad_input", message: mark, retryable: false)
      },
    ]
  }

  @Test func ofAJobsErrorTheLogTellsTheCodeAndTheRecordTheRest() async throws {
    let mark = "mark-\(UInt64.random(in: .min ... .max))"
    let log = RecordedLog()
    let handlers = Self.failing(with: mark)
    try await CoordinatorDouble.run { coordinator in
      let jobs = try [
        (coordinator.submit("exec", execPayload(["/\(mark)"])), "not_allowed"),
        (coordinator.submit("exec", execPayload([mark])), "command_not_found"),
        (coordinator.submit("complains"), "handler_error"),
        (coordinator.submit("fails"), "bad_input"),
      ]
      let worker = try TestWorker(coordinator, handlers: handlers, log: log) { $0.execAllow = [mark] }
      try await worker.run {
        for (job, code) in jobs {
          let outcome = try await coordinator.outcome(of: job)
          #expect(outcome.outcome == .failed && outcome.error?.code == code)
          #expect(outcome.error?.message.contains(mark) == true, "it is there, for those whom it is for")
        }
      }
      let lines = log.lines
      for (job, code) in jobs {
        let ends = lines.filter { $0.contains("a job has ended") && $0.contains("\(job)") }
        #expect(ends.count == 1 && ends.first?.contains(code) == true, "\(ends)")
      }
      #expect(!lines.contains { $0.contains(mark) })
    }
  }
}
