import Testing

@testable import BatonCoordinator

@Suite struct LeaseReaperTests {
  @Test(arguments: [(1, 500), (125, 500), (200, 800), (375, 1500), (60_000, 1500)])
  func aPassThatTakesLongIsFollowedByALongerRest(took: Int, rest: Int) {
    #expect(LeaseReaper.rest(after: .milliseconds(took)) == .milliseconds(rest))
  }
}
