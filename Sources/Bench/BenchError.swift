/// A benchmark that could not be carried out; says why.
public struct BenchError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  static let needsPrivateFleet = BenchError("it needs a fleet of its own: leave out --url")

  public init(_ description: String) { self.description = description }
}
