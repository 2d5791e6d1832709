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

/// Writes down what a program does: a line an event, each with one `write(2)`, so that what was done is there whatever
/// becomes of the program.
///
/// `S attempt worker first time`, `E attempt step time` (executed), `C attempt step time` (checkpoint written),
/// `I attempt step time` (interrupted, with a checkpoint), `F attempt - time` (finished), `X attempt step time` (failed, as
/// it was told to). Times are seconds since 1970.
struct StepRecordWriter: Sendable {
  let attempt: Int
  private let descriptor: Int32

  init(path: String, attempt: Int) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw POSIXFailure(errno) }
    self.attempt = attempt
  }

  func started(worker: String, first: Int) { line("S \(attempt) \(worker) \(first)") }
  func executed(_ step: Int) { line("E \(attempt) \(step)") }
  func saved(_ step: Int) { line("C \(attempt) \(step)") }
  func interrupted(at step: Int) { line("I \(attempt) \(step)") }
  func finished() { line("F \(attempt) -") }
  func failed(at step: Int) { line("X \(attempt) \(step)") }

  private func line(_ text: String) {
    let bytes = Array("\(text) \(WallClock.now)\n".utf8)
    _ = write(descriptor, bytes, bytes.count)
  }
}

/// The time of day: what the programs, the workers and the database of one machine have in common.
enum WallClock {
  /// Seconds since 1970.
  static var now: Double { Date().timeIntervalSince1970 }
}

/// Reads what programs have written down.
enum StepRecord {
  /// Whether a run of the job's program has failed as it was told to.
  static func hasFailed(in path: String) -> Bool {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").contains { $0.hasPrefix("X ") }
  }

  /// - Parameters:
  ///   - text: A job's file.
  ///   - origin: What times are counted from, in seconds since 1970.
  /// - Returns: The runs of the job's program, in the order of the attempts.
  static func runs(in text: String, job: Int, origin: Double) -> [ProgramRun] {
    var runs: [Int: ProgramRun] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 4, let attempt = Int(words[1]), let time = Double(words[words.count - 1]) else { continue }
      let at = time - origin
      if words[0] == "S", words.count == 5, let first = Int(words[3]) {
        runs[attempt] = ProgramRun(job: job, attempt: attempt, worker: String(words[2]), first: first, startedAt: at)
        continue
      }
      let step = Int(words[2]) ?? 0
      switch words[0] {
      case "E": runs[attempt]?.steps.append(.init(number: step, at: at))
      case "C": runs[attempt]?.checkpoints.append(.init(number: step, at: at))
      case "I": runs[attempt]?.interrupted = .init(number: step, at: at)
      case "F": runs[attempt]?.finishedAt = at
      default: break
      }
    }
    return runs.values.sorted { $0.attempt < $1.attempt }
  }
}
