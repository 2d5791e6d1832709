import Synchronization
import Testing

@testable import BatonThreads

@Suite struct AlarmClockTests {
  private let clock = AlarmClock(name: "test alarms")

  /// Sets alarms at these times from now on, in milliseconds, and returns in what order they were called, how much too
  /// early the earliest was, and after how many milliseconds all had been set.
  private func ring(_ delays: [Int]) async -> (order: [Int], early: Duration, set: Int) {
    let start = ContinuousClock.now
    let (rings, continuation) = AsyncStream.makeStream(of: (Int, Duration).self)
    for delay in delays {
      _ = clock.set(at: start + .milliseconds(delay)) { continuation.yield((delay, .now - start)) }
    }
    let set = Int((ContinuousClock.now - start) / .milliseconds(1)) + 1
    var order: [Int] = []
    var early = Duration.zero
    for await (delay, after) in rings.prefix(delays.count) {
      order.append(delay)
      early = max(early, .milliseconds(delay) - after)
    }
    return (order, early, set)
  }

  @Test(.timeLimit(.minutes(1))) func alarmsRingInTheOrderOfTheirTimesAndNotBefore() async {
    var delays = (0..<300).map { $0 % 150 }
    delays.shuffle()
    let (order, early, set) = await ring(delays + [-5])
    // Those that were due before all had been set may have rung before an earlier one came.
    #expect(order.filter { $0 > set } == order.filter { $0 > set }.sorted())
    #expect(order.sorted() == (delays + [-5]).sorted())
    #expect(early <= .zero)
  }

  @Test(.timeLimit(.minutes(1))) func aSoonerAlarmDoesNotWaitForALaterOne() async {
    let later = clock.set(at: .now + .seconds(3600)) { Issue.record("an hour has not passed") }
    #expect(await ring([30, 10, 20]).order == [10, 20, 30])
    clock.cancel(later)
  }

  @Test(.timeLimit(.minutes(1))) func aCancelledAlarmDoesNotRing() async {
    let cancelled = clock.set(at: .now + .milliseconds(20)) { Issue.record("it was cancelled") }
    clock.cancel(cancelled)
    #expect(await ring([60]).order == [60])
  }

  @Test func cancelledAlarmsAreNotKept() {
    for _ in 0..<10_000 {
      clock.cancel(clock.set(at: .now + .seconds(3600)) { Issue.record("an hour has not passed") })
    }
    #expect(clock.keptAlarms <= 65)
  }
}
