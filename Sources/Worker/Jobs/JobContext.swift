import BatonJSON
import BatonShared
import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One attempt at a job, as its handler sees it.
///
/// When the job is to stop at once (cancelled, timed out, lease lost), the handler's task is cancelled.
public final class JobContext: Sendable {
  let run: LeaseRun
  let log: JobLog
  private let client: CoordinatorClient
  private let metrics: WorkerMetrics
  private let workerLogger: Logger

  init(run: LeaseRun, log: JobLog, client: CoordinatorClient, metrics: WorkerMetrics, logger: Logger) {
    self.run = run
    self.log = log
    self.client = client
    self.metrics = metrics
    workerLogger = logger
  }

  /// With the job's identity.
  public var logger: Logger {
    // Made when it is asked for: few handlers do, and it costs more than a job that ends at once.
    var logger = workerLogger
    for (key, value) in run.metadata { logger[metadataKey: key] = value }
    return logger
  }

  /// The job's id.
  public var jobID: String { run.grant.jobID.description }
  /// The fence: new with every attempt, and of no value any more once the lease is lost.
  public var leaseID: String { run.grant.leaseID.description }
  /// 1 for the job's first attempt.
  public var attempt: Int { run.grant.attempt }
  /// The kind of job.
  public var kind: String { run.grant.kind }
  /// The queue that it was submitted to.
  public var queue: String { run.grant.queue }
  /// What was submitted, as it was written.
  public var payload: RawJSON { run.grant.payload }
  /// Tells when the job is to save a checkpoint and hand back.
  public var interruption: InterruptionSignal { InterruptionSignal(run: run) }

  /// Reads the payload.
  ///
  /// - Throws: ``JobFailed`` with the code `invalid_payload`, not to be tried again, that names the field.
  public func decode<Payload: Decodable>(_ type: Payload.Type = Payload.self) throws -> Payload {
    do {
      return try JSONDecoder().decode(type, from: Data(payload.bytes))
    } catch let error as DecodingError {
      throw JobFailed(code: "invalid_payload", message: error.field, retryable: false)
    }
  }

  /// The job's newest checkpoint: what an earlier attempt saved, or this one since. Nil where there is none.
  /// - Throws: An error when the coordinator cannot be asked.
  public func checkpoint() async throws -> [UInt8]? {
    // A grant may be written while another worker saves, so of an attempt that is not the first it proves nothing.
    if run.grant.checkpoint == nil, run.grant.attempt == 1, run.state.value.savedCheckpoints == 0 { return nil }
    try await run.awaitTrust()
    let newest = try await reporting {
      try await client.checkpoint(of: run.id) { [run] in run.state.value.reportUntil }
    }
    note("the job was given its checkpoint", newest?.sequence ?? 0)
    return newest?.bytes
  }

  /// Saves a checkpoint, replacing the one before. When this returns, the next attempt starts from it, whatever happens.
  ///
  /// - Parameters:
  ///   - bytes: Anything, up to the coordinator's limit (16 MiB unless configured otherwise).
  ///   - contentType: Its media type.
  /// - Throws: An error when it could not be saved; the checkpoint before it is then still there.
  public func saveCheckpoint(_ bytes: [UInt8], contentType: String = "application/octet-stream") async throws {
    try await run.awaitTrust()
    let startedAt = ContinuousClock.now
    let receipt = try await reporting {
      try await client.saveCheckpoint(bytes, contentType: contentType, of: run.id) { [run] in
        run.state.value.reportUntil
      }
    }
    let seconds = (ContinuousClock.now - startedAt).inSeconds
    metrics.checkpoint(bytes: bytes.count, seconds: seconds)
    note("a checkpoint is saved", receipt.sequence)
    run.state.update { state in
      state.checkpointSeconds = seconds
      state.savedCheckpoints += 1
      state.isCheckpointWanted = false
    }
  }

  /// Says how far the job is. The coordinator hears of it with the next heartbeat; it also tells whether the job will
  /// finish before an interruption.
  ///
  /// - Parameters:
  ///   - fraction: 0 to 1.
  ///   - message: A few words for people.
  public func reportProgress(_ fraction: Double?, message: String? = nil) {
    run.state.update { $0.progress.report(fraction: fraction, message: message, at: .now) }
  }

  /// Writes a line to the job's log. It never fails the job, and never waits for the coordinator.
  public func log(_ text: String) {
    log.append(Array((text.hasSuffix("\n") ? text : text + "\n").utf8))
  }

  private func note(_ words: Logger.Message, _ sequence: Int) {
    workerLogger.debug(words, metadata: run.metadata.merging(["sequence": "\(sequence)"]) { $1 })
  }

  /// Does a call under the lease; if it turns out to be lost, the job is stopped.
  private func reporting<Answer>(_ call: () async throws -> Answer) async throws -> Answer {
    do {
      return try await call()
    } catch let error as CoordinatorError where error.isLeaseLost {
      run.halt(.lost)
      throw CoordinatorError.leaseLost
    }
  }
}

extension LeaseRun.State {
  /// How long calls under the lease are repeated: as long as it is trusted, but not past the end of a drain.
  var reportUntil: ContinuousClock.Instant {
    if halt == .lost || halt == .untrusted { return .now }
    return min(trust.trustedUntil, interruption?.deadline ?? trust.trustedUntil)
  }
}

extension DecodingError {
  /// Which field of the payload is wrong, and how.
  fileprivate var field: String {
    let (context, extra): (Context, [any CodingKey]) =
      switch self {
      case .keyNotFound(let key, let context): (context, [key])
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): (context, [])
      @unknown default: (Context(codingPath: [], debugDescription: "\(self)"), [])
      }
    let path = (context.codingPath + extra).map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
    return "payload\(path.map { $0.hasPrefix("[") ? $0 : ".\($0)" }.joined()): \(context.debugDescription)"
  }
}
