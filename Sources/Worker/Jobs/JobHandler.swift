import BatonJSON

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Runs the jobs of one kind.
///
/// A job is run at least once: when a worker dies, the next one starts it again from its last checkpoint. What a handler
/// does outside of Baton must bear being repeated; ``JobContext/leaseID`` is a fence for systems that can check one.
///
/// Handlers run on threads of their own, as many as the worker has slots, so they may block.
public protocol JobHandler: Sendable {
  /// The kind of job, as in `POST /jobs`.
  var kind: String { get }

  /// Runs one job.
  ///
  /// - Returns: The job's result, or nil for none.
  /// - Throws: ``JobFailed`` to choose the error's code and whether it may be tried again; ``JobInterrupted`` to hand
  ///   the job back after an interruption; any other error is a failure that may be tried again.
  func run(_ job: JobContext) async throws -> RawJSON?
}

/// A handler made of a closure.
public struct ClosureHandler: JobHandler {
  /// The kind of job.
  public let kind: String
  private let body: @Sendable (JobContext) async throws -> RawJSON?

  /// Makes a handler whose result is encoded as JSON.
  ///
  /// - Parameters:
  ///   - kind: The kind of job, as in `POST /jobs`.
  ///   - body: Runs one job; what it throws is described at ``JobHandler/run(_:)``.
  public init<Output: Encodable & SendableMetatype>(
    _ kind: String, _ body: @escaping @Sendable (JobContext) async throws -> Output
  ) {
    self.kind = kind
    self.body = { job in
      let output = try await body(job)
      do {
        return try RawJSON(parsing: Array(JSONEncoder().encode(output)))
      } catch {
        throw JobFailed(code: "invalid_result", message: "the result is not JSON: \(error)", retryable: false)
      }
    }
  }

  /// Makes a handler without a result.
  ///
  /// - Parameters:
  ///   - kind: The kind of job, as in `POST /jobs`.
  ///   - body: Runs one job; what it throws is described at ``JobHandler/run(_:)``.
  public init(_ kind: String, _ body: @escaping @Sendable (JobContext) async throws -> Void) {
    self.kind = kind
    self.body = { job in
      try await body(job)
      return nil
    }
  }

  public func run(_ job: JobContext) async throws -> RawJSON? { try await body(job) }
}

/// A handler that watches ``LeaseRun`` itself and stops by itself, so that its task is not cancelled.
///
/// For jobs outside of this process: in a cancelled task the calls that end them in order would not be made.
protocol SelfStoppingHandler: JobHandler {}
