import BatonJSON
import UnixSignals

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The program of the drill's `exec` jobs: it works in steps, and writes down each step when it is done, where nobody but
/// the drill reads it. So what was worked, and worked again, is known from the work itself.
public enum StepProgram {
  /// "I saved my checkpoint, run me again."
  private static let tryAgain: Int32 = 75

  /// Does the work that standard input describes.
  ///
  /// - Parameters:
  ///   - input: The text of standard input.
  ///   - environment: As the worker sets it for programs.
  /// - Returns: The exit status.
  /// - Throws: What keeps it from working at all.
  public static func run(input: [UInt8], environment: [String: String]) async throws -> Int32 {
    let order = try StepOrder(json: input)
    let files = Files(environment)
    let record = try StepRecordWriter(path: order.record, attempt: Int(environment["BATON_ATTEMPT"] ?? "") ?? 0)
    let first = (files.checkpoint.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) }).flatMap { Int($0) } ?? 0
    let signals = await UnixSignalsSequence(trapping: .sigterm)
    record.started(worker: environment["WORKER_NAME"] ?? "", first: first + 1)
    let parent = getppid()
    return try await withThrowingTaskGroup(of: Int32?.self) { group in
      group.addTask {
        for await _ in signals { return nil }
        return nil
      }
      group.addTask { try await work(order, from: first, parent: parent, files, record) }
      defer { group.cancelAll() }
      // After a SIGTERM the work is cancelled, and says how it ended.
      while let status = try await group.next() {
        if let status { return status }
        group.cancelAll()
      }
      return 1
    }
  }

  private static func work(
    _ order: StepOrder, from first: Int, parent: pid_t, _ files: Files, _ record: StepRecordWriter
  ) async throws -> Int32 {
    let hasFailed = order.failOnceAt != nil && StepRecord.hasFailed(in: order.record)
    var done = first
    var due = ContinuousClock.now
    while done < order.steps {
      // A step that came late is not caught up with: it is what a step takes that counts.
      due = max(due + .seconds(order.stepSeconds), .now + .seconds(order.stepSeconds * 0.9))
      guard (try? await Task.sleep(until: due, tolerance: .zero, clock: .continuous)) != nil else {
        try files.save(checkpoint: done)
        record.interrupted(at: done)
        return tryAgain
      }
      // Without its worker the program is on a machine that is gone.
      guard getppid() == parent else { return 1 }
      if done + 1 == order.failOnceAt, !hasFailed {
        record.failed(at: done + 1)
        return 1
      }
      done += 1
      record.executed(done)
      files.report(progress: Double(done) / Double(order.steps))
      if done.isMultiple(of: order.checkpointEvery), done < order.steps {
        try files.save(checkpoint: done)
        record.saved(done)
      }
    }
    try files.save(result: #"{"steps":\#(order.steps),"first_step":\#(first)}"#)
    record.finished()
    return 0
  }

  /// The files through which the worker and its program speak.
  private struct Files: Sendable {
    let checkpoint: String?
    let progress: String?
    let result: String?

    init(_ environment: [String: String]) {
      checkpoint = environment["BATON_CHECKPOINT_FILE"]
      progress = environment["BATON_PROGRESS_FILE"]
      result = environment["BATON_RESULT_FILE"]
    }

    func save(checkpoint step: Int) throws { if let checkpoint { try Self.replace(checkpoint, "\(step)") } }

    func save(result text: String) throws { if let result { try Self.replace(result, text) } }

    func report(progress fraction: Double) { if let progress { try? Self.replace(progress, "\(fraction)") } }

    /// Never half a file: written beside it and renamed over it.
    private static func replace(_ path: String, _ text: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path + ".new"))
      guard rename(path + ".new", path) == 0 else { throw POSIXFailure(errno) }
    }
  }
}

/// A refusal of the operating system.
struct POSIXFailure: Error, CustomStringConvertible {
  let description: String

  init(_ code: Int32) { description = String(cString: strerror(code)) }
}
