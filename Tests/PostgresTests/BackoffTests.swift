import Testing

@testable import BatonPostgres

@Suite struct BackoffTests {
  @Test func pausesGrowToTwoSecondsAndAreNeverInStep() {
    var backoff = Backoff()
    for step in [100, 200, 400, 800, 1600, 2000, 2000, 2000] {
      #expect((.milliseconds(step / 2)...(.milliseconds(step))).contains(backoff.next()))
    }
    #expect(Set((0..<100).map { _ in backoff.next() }).count > 50)
    backoff.reset()
    #expect(backoff.next() <= .milliseconds(100))
  }
}
