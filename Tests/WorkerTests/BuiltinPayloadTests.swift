import BatonJSON
import Testing

@testable import BatonWorker

@Suite struct BuiltinPayloadTests {
  private func failure(_ body: () throws -> Void) -> JobFailed? {
    #expect(throws: JobFailed.self) { try body() }
  }

  /// A job that passed over it would do something else than was meant.
  @Test func aMisspeltFieldFailsForGoodAndIsNamed() throws {
    let steps = failure { _ = try StepsHandler.Payload(RawJSON(parsing: Array(#"{"stepz":3}"#.utf8))) }
    let sleep = failure { _ = try SleepHandler.Payload(RawJSON(parsing: Array(#"{"second":3}"#.utf8))) }
    for (error, field) in [(steps, "stepz"), (sleep, "second")] {
      #expect(error?.code == "invalid_payload" && error?.retryable == false)
      #expect(error?.message == "'payload.\(field)' must be left out: there is no such field")
    }
  }

  @Test func whatIsNullIsAsIfLeftOut() throws {
    let payload = try RawJSON(parsing: Array(#"{"steps":null,"step_seconds":null,"fail_at":null}"#.utf8))
    #expect(try StepsHandler.Payload(payload) == StepsHandler.Payload(RawJSON(parsing: Array("{}".utf8))))
    #expect(try SleepHandler.Payload(RawJSON(parsing: Array(#"{"seconds":null}"#.utf8))).seconds == nil)
  }
}
