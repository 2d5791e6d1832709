import Testing

@testable import BatonTelemetry

@Suite struct StolenTimeTests {
  @Test func theShareIsThatOfTheTimeBetween() throws {
    let start = try #require(StolenTime("cpu  100 0 100 700 0 0 0 100 50 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"))
    let end = try #require(StolenTime("cpu  200 0 200 1000 0 0 0 600 50 0\n"))
    #expect(end.share(since: start) == 0.5)
    #expect(start.share(since: start) == nil)
    // A counter that runs backwards, which it does after a migration of the machine.
    let odd = try #require(StolenTime("cpu  200 0 200 2000 0 0 0 0 50 0\n"))
    #expect(odd.share(since: start) == 0)
  }

  @Test(arguments: ["", "cpu", "cpu  1 2 3 4 5 6 7", "cpu  1 2 3 4 5 6 7 x 9", "intr 1 2 3 4 5 6 7 8 9"])
  func whatIsNotThatLineIsRefused(text: String) {
    #expect(StolenTime(text) == nil)
  }

  #if os(Linux)
    @Test func thisMachineKnows() {
      #expect(StolenTime.now() != nil)
    }
  #endif
}
