import Logging
import ServiceLifecycle

/// Notices when the database has gone silent, so that requests are refused at once instead of each waiting for itself.
struct DatabaseWatch: Service {
  /// How long an answer may take. One that is late may be the machine's moment; two in a row are not.
  private static let patience = Duration.seconds(1)
  private static let tolerated = 1
  /// From an answer to the next question, and after a failure.
  private static let pause = Duration.seconds(1)
  private static let retryPause = Duration.milliseconds(100)

  let lifecycle: Lifecycle
  let logger: Logger
  /// One question at a time, however long its answer takes.
  private let answer: SharedAnswer<Void>

  init(store: JobStore, lifecycle: Lifecycle, logger: Logger) {
    self.lifecycle = lifecycle
    self.logger = logger
    answer = SharedAnswer(keptFor: { _ in .zero }, asking: { try await store.touch() })
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
    await soon(within: Self.patience) { [answer] in
      while !Task.isCancelled {
        do {
          try await answer.value()
          return true
        } catch {
          // A connection that was cut may be back by now.
          try? await Task.sleep(for: Self.retryPause)
        }
      }
      return false
    } ?? false
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
