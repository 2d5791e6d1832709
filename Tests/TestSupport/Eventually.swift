/// A condition that did not come true in time.
public struct TooLate: Error, CustomStringConvertible {
  public let description: String

  public init(description: String) {
    self.description = description
  }
}

/// Waits for a condition that nothing announces, such as the end of a process.
///
/// - Throws: ``TooLate`` after `limit`.
public func eventually(
  within limit: Duration = .seconds(60), _ what: String = "the condition",
  isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while true {
    if try await condition() { return }
    guard ContinuousClock.now < deadline else { throw TooLate(description: "\(what) has not come true in \(limit)") }
    try await Task.sleep(for: .milliseconds(10))
  }
}
