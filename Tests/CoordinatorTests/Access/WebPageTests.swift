import BatonTestSupport
import Testing

@testable import BatonCoordinator

/// A page in a browser can send requests to its own machine, though it cannot read the answers.
@Suite struct WebPageTests {
  private static let origin = ["Origin": "http://evil.example", "Content-Type": "text/plain"]

  @Test func withoutTokensAWebPageCanSubmitNothing() async throws {
    try await RunningCoordinator.run { coordinator, database async throws in
      let api = coordinator.api
      let answer = try await api.post("/jobs", #"{"kind":"exec","payload":{"command":["true"]}}"#, headers: Self.origin)
      #expect(try answer.problem().knownCode == .forbidden && answer.status == 403)
      #expect(try await api.send("GET", "/jobs", headers: Self.origin).status == 403)
      #expect(try await api.get("/jobs").text == #"{"jobs":[],"next_cursor":null}"#)
      #expect(try await api.send("GET", "/health", headers: Self.origin).status == 200)
    }
  }
}
