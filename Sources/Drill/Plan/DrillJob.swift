import BatonJSON
import BatonShared

/// A job of the drill's load: so many steps, with a checkpoint now and then.
struct DrillJob: Sendable, Equatable {
  enum Kind: String, Sendable, CaseIterable {
    /// The drill's own program, which writes down each step that it executes.
    case exec
    /// The worker's built-in kind.
    case steps
  }

  /// What is to become of a job.
  enum Fate: String, Sendable, CaseIterable {
    case done
    /// Its program fails once, with attempts left, and is done after that.
    case failsOnce = "fails_once"
    /// It fails each time, and for good when it has used up its ``DrillJob/failures``.
    case fails
    /// Whoever submitted it cancels it.
    case cancelled
  }

  /// How often a job fails that does each time.
  static let failures = 2

  var index: Int
  var kind: Kind
  var steps: Int
  var stepSeconds: Double
  /// Steps from one checkpoint to the next.
  var checkpointEvery: Int
  var behaviour: InterruptionBehaviour
  var fate = Fate.done

  /// The step that fails, where one does.
  var failAt: Int? { fate == .fails || fate == .failsOnce ? max(1, steps / 2) : nil }

  /// How long it takes if nothing happens, in seconds.
  var seconds: Double { Double(steps) * stepSeconds }

  /// - Parameters:
  ///   - program: The program of this job's kind, and its arguments; for `exec`.
  ///   - record: The file that the program writes its steps into.
  func submission(program: [String], record: String) -> JobSubmission {
    var writer = JSONWriter()
    switch kind {
    case .steps:
      writer.object { writer in
        writer.field("steps", steps)
        writer.field("step_seconds", stepSeconds)
        writer.field("checkpoint_every", checkpointEvery)
        if let failAt { writer.field("fail_at", failAt) }
      }
    case .exec:
      writer.object { writer in
        writer.field("command", program)
        writer.field("input", StepOrder(job: self, record: record))
      }
    }
    return JobSubmission(
      kind: kind.rawValue, payload: RawJSON(trusted: writer.bytes),
      maxAttempts: fate == .fails ? Self.failures : 5,
      // The fleet loses a worker every few seconds. A job that takes minutes may well meet more kills than usual.
      maxLosses: 1000, onInterruption: behaviour, tags: ["drill": "\(index)"])
  }
}

extension DrillJob: JSONEncodable {
  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("index", index)
      writer.field("kind", kind.rawValue)
      writer.field("steps", steps)
      writer.field("step_seconds", stepSeconds)
      writer.field("checkpoint_every", checkpointEvery)
      writer.field("on_interruption", behaviour.rawValue)
      if fate != .done { writer.field("fate", fate.rawValue) }
    }
  }
}

/// The load of a drill: which job comes when, by the seed alone.
struct JobPlan: Sendable {
  let seed: UInt64
  /// The longest job, in seconds.
  var longest = 200.0

  func job(_ index: Int) -> DrillJob {
    var numbers = SeededNumbers(seed: seed, "job", index)
    let kind = numbers.pick([(7, DrillJob.Kind.exec), (3, .steps)])
    let range = numbers.pick([(50, 3.0...10.0), (35, 15.0...60.0), (15, 125.0...200.0)])
    let wanted = min(numbers.uniform(range), longest * numbers.uniform(0.8...1))
    let stepSeconds = wanted < 12 ? numbers.pick([(1, 0.1), (1, 0.2)]) : numbers.pick([(1, 0.25), (1, 0.5)])
    let behaviour = numbers.pick([
      (60, InterruptionBehaviour.auto), (15, .finish), (17, .checkpoint), (8, .release),
    ])
    return DrillJob(
      index: index, kind: kind, steps: max(1, Int((wanted / stepSeconds).rounded())), stepSeconds: stepSeconds,
      checkpointEvery: Int(((wanted < 12 ? 2 : 5) / stepSeconds).rounded()), behaviour: behaviour)
  }
}
