import BatonTestSupport
import Testing

extension RawClient {
  /// Checks that the answer that has come is as the document says, whatever was wrong with the request.
  /// - Parameters:
  ///   - path: What was asked for; where there was no telling, that of any route.
  func expectDescribed(
    _ method: String = "GET", _ path: String = "/health", sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await eventually("the whole answer") { isClosed || RawAnswer(bytes, to: method) != nil }
    let answer = try #require(
      RawAnswer(bytes, to: method, isClosed: isClosed), "no whole answer: \(text)", sourceLocation: sourceLocation)
    let complaints = try OpenAPIDescription.shared.get().complaints(
      method: method, path: path, status: answer.status, headers: answer.headers, body: answer.body)
    #expect(complaints.isEmpty, sourceLocation: sourceLocation)
  }
}
