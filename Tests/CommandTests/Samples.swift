import BatonJSON
import BatonShared

@testable import BatonCommandLine

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Things that tests need again and again.
enum Samples {
  static let now = Instant("2026-01-31T12:00:00Z")!

  static func id(_ number: Int) -> JobID {
    let digits = String(number)
    return JobID("01900000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits)!
  }

  static func job(
    _ number: Int = 1, _ status: JobStatus = .queued, kind: String = "steps", attempt: Int = 0,
    worker: String? = nil, fraction: Double? = nil, message: String? = nil, checkpoint: Int? = nil,
    change: (inout JobSnapshot) -> Void = { _ in }
  ) -> JobSnapshot {
    let created = Instant(microseconds: now.microseconds - 60_000_000)
    var job = JobSnapshot(
      id: id(number), queue: "default", kind: kind, status: status, payload: .emptyObject, priority: 0,
      placement: .any, onInterruption: .auto, tags: .emptyObject, attempt: attempt, maxAttempts: 5, failures: 0,
      interruptions: 0, losses: 0, maxLosses: 5, timeoutSeconds: nil, progress: nil, checkpoint: nil, result: nil,
      error: nil, workerID: worker, runAt: created, createdAt: created,
      startedAt: attempt > 0 ? Instant(microseconds: created.microseconds + 10_000_000) : nil,
      finishedAt: status.isFinished ? now : nil)
    if fraction != nil || message != nil { job.progress = .init(fraction: fraction, message: message) }
    if let checkpoint {
      job.checkpoint = .init(sequence: checkpoint, sizeBytes: 10, contentType: "text/plain", savedAt: now)
    }
    change(&job)
    return job
  }
}

/// Standard output and standard error of a command, kept in files.
final class CapturedOutput: Sendable {
  let surroundings: Surroundings
  private let paths: [String]
  private let descriptors: [Int32]

  init(environment: [String: String] = [:]) throws {
    let folder = FileManager.default.temporaryDirectory.path
    paths = (0..<2).map { _ in "\(folder)/baton-command-\(UUID().uuidString)" }
    descriptors = try paths.map { path in
      let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw CommandFailure(1, "no temporary file") }
      return descriptor
    }
    surroundings = Surroundings(
      environment: environment,
      output: Terminal(descriptors[0], isTerminal: false, environment: environment),
      errors: Terminal(descriptors[1], isTerminal: false, environment: environment))
  }

  deinit {
    for (path, descriptor) in zip(paths, descriptors) {
      close(descriptor)
      unlink(path)
    }
  }

  var outputPath: String { paths[0] }
  var output: String { text(0) }
  var errors: String { text(1) }

  private func text(_ index: Int) -> String {
    String(decoding: FileManager.default.contents(atPath: paths[index]) ?? Data(), as: UTF8.self)
  }
}
