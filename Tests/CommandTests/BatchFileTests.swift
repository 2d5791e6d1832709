import BatonJSON
import BatonShared
import Testing

@testable import BatonCommandLine

@Suite struct BatchFileTests {
  private func jobs(_ text: String) throws -> [JobSubmission] {
    try BatchFile.jobs(Array(text.utf8), name: "jobs.jsonl")
  }

  @Test func everyLineIsAJobInOrder() throws {
    let jobs = try jobs("{\"kind\":\"a\"}\r\n\n  \n{\"kind\":\"b\",\"payload\":{\"x\":1.50}}")
    #expect(jobs.map(\.kind) == ["a", "b"])
    #expect(jobs[1].payload.description == #"{"x":1.50}"#)
  }

  @Test func aByteOrderMarkIsPassedOver() throws {
    #expect(try jobs("\u{FEFF}{\"kind\":\"a\"}\n").count == 1)
  }

  @Test(arguments: [
    ("{\"kind\":\"a\"}\n{\"kind\":\"b\",\"prio\":1}\n", "jobs.jsonl:2: 'prio' must be left out"),
    ("\n\n{\"kind\":\"a\"", "jobs.jsonl:3: the line must be valid JSON"),
    ("{\"kind\":\"a\",\"priority\":\"high\"}", "jobs.jsonl:1: 'priority' must be an integer from -100 to 100"),
    ("[]", "jobs.jsonl:1: the line must be an object"),
    ("{\"payload\":{}}", "jobs.jsonl:1: 'kind' must be given"),
    (" \n", "jobs.jsonl: there is no job in it"),
  ])
  func aMistakeNamesItsLine(_ text: String, _ expected: String) throws {
    let error = try #require(throws: CommandFailure.self) { try jobs(text) }
    #expect(error.message.hasPrefix(expected), "\(error.message)")
    #expect(error.code == ExitStatus.data)
  }

  @Test func jobsAreCutIntoBatchesThatTheCoordinatorTakes() {
    let jobs = (0..<25).map { JobSubmission(kind: "k\($0)") }
    let batches = BatchFile.batches(jobs, maximumJobs: 10)
    #expect(batches.map(\.count) == [10, 10, 5])
    #expect(batches.joined().map(\.kind) == jobs.map(\.kind))
    let large = JobSubmission(kind: "large", payload: RawJSON(trusted: [UInt8](repeating: 0x31, count: 900)))
    #expect(BatchFile.batches([large, large, large], maximumBytes: 3000).map(\.count) == [2, 1])
    #expect(BatchFile.batches([large], maximumBytes: 10).map(\.count) == [1])
  }
}
