import BatonShared
import BatonTestSupport
import Synchronization
import Testing

@testable import BatonCoordinator

@Suite struct SharedAnswerTests {
  private struct Failure: Error {}

  private final class Source: Sendable {
    let asked = Atomic(0)
    private let gate = AsyncStream.makeStream(of: Void.self)

    func open() { gate.continuation.finish() }

    @Sendable func ask() async throws -> Int {
      let count = asked.add(1, ordering: .relaxed).newValue
      for await _ in gate.stream {}
      if count == 1 { throw Failure() }
      return count
    }
  }

  @Test func allWhoAskMeanwhileShareOneAnswerAndAFailureIsNotKept() async throws {
    let source = Source()
    let answer = SharedAnswer(keptFor: { _ in .seconds(3600) }, asking: source.ask)
    let askers = (0..<50).map { _ in Task { try await answer.value() } }
    try await eventually("the question") { source.asked.load(ordering: .relaxed) == 1 }
    // Whoever leaves does not end it for the others.
    askers[0].cancel()
    source.open()
    var failures = 0
    for asker in askers {
      do { #expect(try await asker.value == 2) } catch { failures += 1 }
    }
    #expect(failures > 0)
    #expect(try await answer.value() == 2)
    #expect(source.asked.load(ordering: .relaxed) == 2, "the failure, and the answer that is kept")
  }

  @Test func anAnswerIsAskedForAgainWhenItsTimeIsUp() async throws {
    let source = Source()
    source.open()
    let answer = SharedAnswer(keptFor: { _ in .zero }, asking: source.ask)
    await #expect(throws: Failure.self) { try await answer.value() }
    #expect(try await answer.value() == 2)
    #expect(try await answer.value() == 3)
  }

  @Test func onlyTheBusiestOfManyQueuesHaveSeriesOfTheirOwn() throws {
    let queues = (0..<10).map { number in
      var counts = StatusCounts()
      counts[.queued] = number
      counts[.done] = 100 - number
      return QueueSnapshot(name: "q\(number)", paused: false, counts: counts, oldestQueuedSeconds: nil)
    }
    let counts = Census.Counts(queues: queues, workers: [:])
    #expect(counts.busiestQueues(3).map(\.name) == ["q9", "q8", "q7"])
    #expect(counts.busiestQueues(10).map(\.name) == queues.map(\.name))
  }
}
