import Logging
import ServiceLifecycle

/// Notices when the database has gone silent, so that requests are refused at once instead of each waiting for itself.
///
/// Silent is not slow: as long as any statement is answered, however long after it was sent, all that come wait for their
/// turn.
struct DatabaseWatch: Service {
  /// How long nothing may be heard. Once may be the machine's moment; twice in a row is not.
  private static let patience = Duration.milliseconds(1500)
  private static let tolerated = 1
  /// From an answer to the next question, and after a failure.
  private static let pause = Duration.seconds(1)
  private static let retryPause = Duration.milliseconds(100)

  let lifecycle: Lifecycle
  let logger: Logger
  private let answers: AnswerClock
  /// One question at a time to the connections of each sort, however long its answer takes: those of one may all wait for
  /// a table that somebody has locked.
  private let questions: [SharedAnswer<Void>]

  init(store: JobStore, lifecycle: Lifecycle, logger: Logger) {
    self.lifecycle = lifecycle
    self.logger = logger
    answers = store.answers
    questions = [
      SharedAnswer(keptFor: { _ in .zero }, asking: { try await store.touchHot() }),
      SharedAnswer(keptFor: { _ in .zero }, asking: { try await store.touch() }),
    ]
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var late = 0
      while !Task.isCancelled {
        late = await hasAnswered() ? 0 : late + 1
        if Task.isCancelled { return }
        note(answers: late <= Self.tolerated)
        if late == 0 { try? await Task.sleep(for: Self.pause) }
      }
    }
  }

  private func hasAnswered() async -> Bool {
    let start = ContinuousClock.now
    let isAnswered = await withTaskGroup(of: Bool.self) { group in
      for question in questions {
        group.addTask { await soon(within: Self.patience) { await Self.ask(question) } ?? false }
      }
      defer { group.cancelAll() }
      return await group.contains(true)
    }
    // The questions themselves may stand in line behind others that are being answered.
    return isAnswered || answers.hasHeard(since: start)
  }

  /// Asks until there is an answer.
  private static func ask(_ question: SharedAnswer<Void>) async -> Bool {
    while !Task.isCancelled {
      do {
        try await question.value()
        return true
      } catch {
        // A connection that was cut may be back by now.
        try? await Task.sleep(for: retryPause)
      }
    }
    return false
  }

  private func note(answers: Bool) {
    guard answers != lifecycle.databaseAnswers else { return }
    lifecycle.noteDatabase(answers: answers)
    if answers {
      logger.info("the database answers again")
    } else {
      logger.warning("the database does not answer: requests are refused until it does")
    }
  }
}
