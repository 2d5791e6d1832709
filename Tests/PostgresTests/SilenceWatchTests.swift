import Testing

@testable import BatonPostgres

/// When a silent connection is looked into, and when it is given up.
@Suite struct SilenceWatchTests {
  private let start = ContinuousClock.now

  private func watch() -> SilenceWatch { SilenceWatch(patience: .seconds(2), now: start) }

  private func seconds(_ watch: SilenceWatch) -> Double? { watch.nextLook.map { ($0 - start) / .seconds(1) } }

  /// Looks, and is told that.
  private func look(
    _ watch: inout SilenceWatch, _ finding: ConnectionProbe.Finding, unsent: Int = 0, at second: Double
  ) -> Bool {
    watch.lookBegins()
    return watch.found(finding, unsent: unsent, at: start + .seconds(second))
  }

  @Test func whatIsFoundIdleTwiceIsDead() {
    var watch = watch()
    #expect(seconds(watch) == 2)
    #expect(look(&watch, .idle, at: 2.1) == false)
    #expect(seconds(watch) == 3.1)
    #expect(look(&watch, .idle, at: 3.2) == true)
  }

  @Test func aServerThatWorksIsNeverGivenUp() {
    var watch = watch()
    var pauses: [Double] = []
    var now = 2.0
    for _ in 0..<6 {
      #expect(look(&watch, .working, at: now) == false)
      pauses.append((seconds(watch) ?? 0) - now)
      now = seconds(watch) ?? 0
    }
    #expect(pauses == [2, 4, 8, 16, 16, 16])
  }

  @Test func whatCannotBeLearntIsNoReason() {
    var watch = watch()
    for second in [2.0, 5, 8] { #expect(look(&watch, .unknown, at: second) == false) }
  }

  @Test func onceIdleAndOnceNotIsNotDead() {
    for other in [ConnectionProbe.Finding.working, .unknown] {
      var watch = watch()
      #expect(look(&watch, .idle, at: 2) == false)
      #expect(look(&watch, other, at: 3) == false)
      #expect(look(&watch, .idle, at: 5) == false)
      #expect(look(&watch, .idle, at: 6) == true)
    }
  }

  @Test func aStatementThatIsStillOnItsWayIsNotDead() {
    var watch = watch()
    #expect(look(&watch, .idle, unsent: 5000, at: 2) == false)
    #expect(look(&watch, .idle, unsent: 3000, at: 3) == false)
    #expect(look(&watch, .idle, unsent: 1000, at: 4) == false)
    // Nothing moves any more.
    #expect(look(&watch, .idle, unsent: 1000, at: 5) == true)
  }

  @Test func whatWasHeardMeanwhileOutweighsWhatWasFound() {
    var watch = watch()
    #expect(look(&watch, .idle, at: 2) == false)
    watch.lookBegins()
    #expect(seconds(watch) == nil)
    watch.heard(at: start + .seconds(3))
    #expect(watch.found(.idle, unsent: 0, at: start + .seconds(3.1)) == false)
    #expect(seconds(watch) == 5)
    #expect(look(&watch, .idle, at: 5) == false)
  }
}
