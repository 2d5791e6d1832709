import Testing

@testable import BatonWorker

@Suite struct WatchedTests {
  @Test func waitersAreWokenByTheChangeTheyWaitFor() async throws {
    let watched = Watched(0)
    try await withThrowingTaskGroup(of: Int.self) { group in
      for goal in 1...50 { group.addTask { try await watched.first { $0 >= goal } } }
      for _ in 0..<50 {
        watched.update { $0 += 1 }
        await Task.yield()
      }
      var woken = 0
      for try await value in group {
        woken += 1
        #expect(value > 0)
      }
      #expect(woken == 50)
    }
  }

  @Test func aCancelledWaiterEnds() async {
    let watched = Watched(false)
    for _ in 0..<200 {
      let task = Task { try await watched.first { $0 } }
      if Bool.random() { await Task.yield() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test func aDeadlineEndsTheWait() async {
    let watched = Watched(false)
    #expect(await watched.first(before: .now + .milliseconds(20)) { $0 } == nil)
    watched.update { $0 = true }
    #expect(await watched.first(before: .now + .seconds(10)) { $0 } == true)
  }
}

@Suite struct BackoffTests {
  @Test func waitsGrowWithJitterUpToTheLimit() {
    var backoff = Backoff(base: 0.1, limit: 2)
    for attempt in 0..<100 {
      let wait = backoff.next().inSeconds
      let bound = min(2, 0.1 * Double(1 << min(attempt, 20)))
      #expect(wait > 0 && wait <= bound)
    }
    backoff.reset()
    #expect(backoff.next().inSeconds <= 0.1)
    #expect(backoff.next(atLeast: 3).inSeconds >= 3)
  }
}
