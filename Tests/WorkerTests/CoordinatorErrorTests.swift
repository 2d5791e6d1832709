import BatonShared
import Testing

@testable import BatonWorker

@Suite struct CoordinatorErrorTests {
  /// What a coordinator says of the request is final; everything else may be different at the next one.
  @Test(arguments: [
    (400, "invalid_request", false), (404, "not_found", false), (409, "conflict", false), (409, "lease_lost", false),
    (409, "worker_draining", false), (413, "payload_too_large", false), (413, "http_413", false),
    (401, "unauthorized", true), (403, "forbidden", true), (503, "draining", true), (503, "database_unavailable", true),
    (503, "overloaded", true), (500, "internal_error", true), (429, "http_429", true),
    (400, "http_400", true), (401, "http_401", true), (404, "http_404", true), (421, "http_421", true),
  ])
  func onlyACoordinatorsOwnWordIsFinal(status: Int, code: String, isTransient: Bool) {
    let problem = Problem(status: status, title: "t", detail: "d", code: code)
    #expect(CoordinatorError.refused(problem, retryAfter: nil).isTransient == isTransient)
  }

  @Test func aPageThatIsNoAnswerMayBeFollowedByOne() {
    #expect(CoordinatorError.unintelligible("a page").isTransient)
    #expect(CoordinatorError.unreachable("reset").isTransient)
    #expect(!CoordinatorError.leaseLost.isTransient)
  }
}
