import BatonJSON
import BatonShared

/// What is reported of an attempt: a pure function of how the handler ended and why it was stopped.
enum Verdict: Sendable {
  case settle(Settlement)
  /// Nothing may be said: the lease is gone.
  case nothing
  /// The lease could not be renewed in time. If it turns out to be in force all the same, it is handed back.
  case handBackIfHeld(Settlement)

  /// How the handler ended, with what it had been told by then.
  struct Ending: Sendable {
    /// Nil for a handler that did not end in time.
    var result: Result<RawJSON?, any Error>?
    var halt: Halt?
    var interruption: InterruptionRequest?
    /// What was decided on the job, if the worker drains.
    var triage: LeaseRun.TriageNote?
    var hasCheckpoint: Bool
    var endedAt: ContinuousClock.Instant
  }

  static func of(_ ending: Ending, lease: LeaseID) -> Verdict {
    switch ending.halt {
    case .lost: return .nothing
    case .untrusted:
      return .handBackIfHeld(
        Settlement(
          leaseID: lease, outcome: .released,
          reason: "stopped by its worker: the lease could not be renewed in time"))
    case .cancel:
      return .settle(Settlement(leaseID: lease, outcome: .cancelled, reason: "cancelled by a user"))
    case .timeout(let seconds):
      let message = "the attempt ran for longer than its timeout of \(JSONWriter.text(seconds)) s"
      return .settle(
        Settlement(leaseID: lease, outcome: .timedOut, error: JobFailure(code: "timed_out", message: message)))
    case .handBack(let reason):
      return .settle(Settlement(leaseID: lease, outcome: .interrupted, reason: reason))
    case nil: break
    }
    switch ending.result {
    case .success(let result)?:
      return .settle(Settlement(leaseID: lease, outcome: .done, result: result, reason: finished(ending)))
    case .failure(let error)?:
      return failure(error, ending, lease)
    case nil:
      return .settle(
        Settlement(leaseID: lease, outcome: .interrupted, reason: "handed back: the handler did not end in time"))
    }
  }

  /// For the record of a job that finished while its worker drained.
  private static func finished(_ ending: Ending) -> String? {
    ending.triage.map { triage in
      let left = (triage.deadline - ending.endedAt).inSeconds
      return "finished \(left.tenths) s before the deadline: \(triage.notice.description) (\(triage.reason))"
    }
  }

  private static func failure(_ error: any Error, _ ending: Ending, _ lease: LeaseID) -> Verdict {
    if let error = error as? CoordinatorError, error.isLeaseLost { return .nothing }
    // No fault of the job's: the coordinator could not be reached for a checkpoint, for example.
    let isCutOff = (error as? CoordinatorError)?.isTransient ?? false
    if error is JobInterrupted || error is CancellationError || isCutOff {
      guard let interruption = ending.interruption else {
        if isCutOff {
          return .handBackIfHeld(
            Settlement(leaseID: lease, outcome: .released, reason: "handed back: the coordinator: \(error)"))
        }
        return .settle(
          Settlement(leaseID: lease, outcome: .released, reason: "handed back by the job itself", delaySeconds: 1))
      }
      let left = (interruption.deadline - ending.endedAt).inSeconds
      let verb = ending.hasCheckpoint ? "checkpointed and handed back" : "handed back"
      return .settle(
        Settlement(
          leaseID: lease, outcome: .interrupted,
          reason: "\(verb) \(left.tenths) s before the deadline: \(interruption.notice.description)"
            + " (\(interruption.reason))"))
    }
    if let error = error as? JobFailed {
      return .settle(
        Settlement(
          leaseID: lease, outcome: .failed, error: JobFailure(code: error.code, message: error.message),
          retryable: error.retryable, delaySeconds: error.delaySeconds))
    }
    return .settle(
      Settlement(leaseID: lease, outcome: .failed, error: JobFailure(code: "handler_error", message: "\(error)")))
  }
}
