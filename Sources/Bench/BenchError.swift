/// A benchmark that could not be carried out; says why.
public struct BenchError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
