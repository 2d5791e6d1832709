import BatonShared
import BatonTestSupport
import NIOHTTP1
import Testing

@testable import BatonClient
@testable import BatonWorker

/// What stands in the headers of answers: a coordinator's, or those of whatever is in between.
@Suite struct AnswerFuzzTests {
  @Test(arguments: seeds) func secondsToWait(seed: UInt64) async {
    let good = ["1", "0", "120", "2.5", "1e3", "nan", "inf", "-inf", "0x1p70", "Wed, 21 Oct 2026 07:28:00 GMT"]
    var count = 0
    await damagedText(good, seed: seed) { text in
      let answer = CoordinatorClient.Answer(status: 503, headers: ["Retry-After": text], body: [])
      let error = CoordinatorClient.problem(of: answer)
      guard case .refused(let problem, let seconds) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(problem.status == 503 && error.isTransient)
      if seconds != nil { count += 1 }
      #expect((0.0...60.0).contains(error.retryAfter), "\(text)")
      var backoff = Backoff()
      let wait = backoff.next(atLeast: error.retryAfter)
      #expect(wait >= .seconds(error.retryAfter) && wait <= .seconds(error.retryAfter + backoff.base), "\(text)")
    }
    #expect(count > 50)
  }

  @Test(arguments: seeds) func sequencesOfCheckpoints(seed: UInt64) async throws {
    let id = JobIDGenerator().next()
    var count = 0
    try await damagedText(["1", "42", "9223372036854775807"], seed: seed) { text in
      let answer = APIAnswer(status: 200, headers: [("baton-checkpoint-sequence", text)], body: [1, 2])
      let checkpoint = try APIRequest<CheckpointContent>.checkpoint(id).answer(from: answer)
      #expect(checkpoint.bytes == [1, 2] && checkpoint.contentType == "application/octet-stream")
      #expect(checkpoint.sequence == DecimalDigits.value(text))
      guard let sequence = checkpoint.sequence else { return }
      count += 1
      #expect(sequence >= 0 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }, "\(text)")
    }
    #expect(count > 50)
  }
}
