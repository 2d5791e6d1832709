import Testing

@testable import BatonWorker

@Suite struct JobLogTests {
  /// Of a lease that is not trusted any more nothing may be reported: its time is over now, whenever that is asked.
  @Test func whatIsNotToBeWaitedForIsNotAskedAboutAgainAndAgain() async throws {
    try await CoordinatorDouble.run { coordinator in
      coordinator.state.update { $0.isDown = true }
      try await coordinator.withClient { client, logger in
        let log = JobLog(run: .test(), client: client, logger: logger)
        log.append(Array("a line\n".utf8))
        #expect(log.close())
        var questions = 0
        await log.finish {
          questions += 1
          // A task that goes on asking would never let go of its thread.
          return questions < 1000 ? .now : .now - .seconds(1)
        }
        #expect(questions <= 2)
      }
    }
  }
}
