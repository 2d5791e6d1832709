/// Thrown by a handler: the job has failed.
public struct JobFailed: Error, Sendable, CustomStringConvertible {
  /// A stable word for programs, such as `bad_input`.
  public var code: String
  /// What people read.
  public var message: String
  /// Whether another attempt may be made.
  public var retryable: Bool
  /// When to try again, in seconds; nil for what the coordinator thinks right.
  public var delaySeconds: Double?

  public init(code: String, message: String, retryable: Bool = true, delaySeconds: Double? = nil) {
    self.code = code
    self.message = message
    self.retryable = retryable
    self.delaySeconds = delaySeconds
  }

  public var description: String { "\(code): \(message)" }
}

/// Thrown by a handler that was asked to hand back: it has saved what it wants to keep, and the job is to go on
/// elsewhere from the newest checkpoint. It costs no attempt.
public struct JobInterrupted: Error, Sendable {
  public init() {}
}
