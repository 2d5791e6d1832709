import BatonShared
import Testing

@testable import BatonCoordinator

@Suite struct LeaseFloorsTests {
  private let filter = LeaseFilter(queues: ["q"], kinds: [], capacityType: .unknown)
  private let picky = LeaseFilter(queues: ["q"], kinds: ["k"], capacityType: .unknown)
  private let start = ContinuousClock.now

  private var range: LeaseRange { filter.ranges[0] }

  private func position(_ seconds: Double, priority: Int = 0) -> LeasePosition {
    LeasePosition(
      range: range, floor: LeaseFloor(priority: priority, runAt: Instant(microseconds: Int64(seconds * 1_000_000))))
  }

  private func floor(_ seconds: Double, priority: Int = 0) -> LeaseFloor { position(seconds, priority: priority).floor }

  /// Floors after a walk from the beginning that took so long and found a job of second 100.
  private func walked(took: Duration) -> LeaseFloors {
    var floors = LeaseFloors()
    floors.walk(filter, found: [position(100)], took: took, now: start)
    return floors
  }

  /// Floors of which a sweep is under way.
  private func beingSwept() throws -> (LeaseFloors, LeaseFloors.Sweep) {
    var floors = walked(took: .milliseconds(50))
    return (floors, try due(&floors, at: start + .seconds(1)))
  }

  private func isDue(_ filter: LeaseFilter, _ floors: inout LeaseFloors, at now: ContinuousClock.Instant) -> Bool {
    floors.isSweepDue(filter, now: now)
  }

  private func due(_ floors: inout LeaseFloors, at now: ContinuousClock.Instant) throws -> LeaseFloors.Sweep {
    #expect(isDue(filter, &floors, at: now))
    return try #require(floors.sweep(filter))
  }

  // MARK: Walks

  @Test func walksBeginAtTheBeginningWhileThatIsQuick() {
    var floors = LeaseFloors()
    #expect(floors.begin(filter) == [:])
    floors = walked(took: .milliseconds(3))
    #expect(floors.begin(filter) == [:])
    #expect(!isDue(filter, &floors, at: start + .seconds(3600)))
  }

  @Test func afterASlowOneTheyBeginALittleBeforeWhatWasFound() {
    var floors = walked(took: .milliseconds(50))
    #expect(floors.begin(filter) == [range: floor(98)])
  }

  @Test func theFloorFollowsTheLastJobThatWasFound() {
    var floors = walked(took: .milliseconds(50))
    floors.walk(filter, found: [position(150), position(160)], took: .milliseconds(1), now: start)
    #expect(floors.begin(filter) == [range: floor(158)])
  }

  @Test func aRangeOfWhichNothingIsKnownIsWalkedFromItsBeginningAndTheOthersAreNot() {
    let both = LeaseFilter(queues: ["q", "r"], kinds: [], capacityType: .unknown)
    var floors = LeaseFloors()
    floors.walk(both, found: [position(100)], took: .milliseconds(50), now: start)
    #expect(floors.begin(both) == [range: floor(98)])
  }

  @Test func whereNoJobWasEverFoundItEndsWithAQuickWalk() {
    var floors = LeaseFloors()
    floors.walk(filter, found: [], isAll: true, took: .milliseconds(50), now: start)
    #expect(floors.begin(filter) == [:])
    #expect(!isDue(filter, &floors, at: start + .seconds(3600)), "every walk is from the beginning")
    floors.walk(filter, found: [position(100)], took: .milliseconds(1), now: start)
    #expect(floors.begin(filter) == [:])
  }

  @Test func aStatementThatFailsChangesNothing() {
    var floors = walked(took: .milliseconds(50))
    _ = floors.begin(filter)
    floors.fail(filter)
    floors.finish(filter, found: [position(150)], isAll: false, took: .milliseconds(1), now: start)
    #expect(floors.begin(filter) == [range: floor(98)])
  }

  // MARK: Jobs that come back

  @Test func aJobThatComesBackLowersTheFloorToWhereItStands() {
    var floors = walked(took: .milliseconds(50))
    floors.lower(to: [position(40)])
    #expect(floors.begin(filter) == [range: floor(40)])
    floors.lower(to: [position(200, priority: 5)])
    // A higher priority comes first.
    #expect(floors.begin(filter) == [range: floor(200, priority: 5)])
    floors.lower(to: [position(300)])
    #expect(floors.begin(filter) == [range: floor(200, priority: 5)])
  }

  /// It came after the statement had looked: what the statement found must not hide it. Neither the floor of then nor the
  /// one that there is afterwards says which that is.
  @Test(arguments: [40.0, 120])
  func whatComesBackWhileAStatementIsUnderWayIsNotPassedOver(second: Double) {
    var floors = walked(took: .milliseconds(50))
    _ = floors.begin(filter)
    floors.lower(to: [position(second)])
    floors.finish(filter, found: [position(150)], isAll: true, took: .milliseconds(1), now: start)
    #expect(floors.begin(filter) == [range: floor(second)])
    floors.walk(filter, found: [position(second)], isAll: true, took: .milliseconds(50), now: start)
    #expect(floors.begin(filter) == [range: floor(max(98, second))], "there was nothing else up to there")
  }

  @Test func whatComesBackDuringTheFirstSlowWalkIsNotPassedOver() {
    var floors = LeaseFloors()
    _ = floors.begin(filter)
    floors.lower(to: [position(40)])
    floors.finish(filter, found: [position(150)], isAll: false, took: .milliseconds(50), now: start)
    #expect(floors.begin(filter) == [range: floor(40)])
  }

  @Test func whatComesBackElsewhereKeepsNoFloorDown() {
    var floors = walked(took: .milliseconds(50))
    _ = floors.begin(filter)
    floors.lower(to: [LeasePosition(range: LeaseRange(queue: "r", placement: .any), floor: floor(40))])
    floors.finish(filter, found: [position(150)], isAll: false, took: .milliseconds(1), now: start)
    #expect(floors.begin(filter) == [range: floor(148)])
  }

  // MARK: Those who want something else

  /// Who takes certain kinds only passes over the others, which must not hide them from those who take them; and nobody's
  /// sweep is anybody else's.
  @Test func thoseWhoWantSomethingElseHaveFloorsOfTheirOwn() {
    var floors = walked(took: .milliseconds(50))
    #expect(floors.begin(picky) == [:])
    floors.finish(picky, found: [position(60)], isAll: false, took: .milliseconds(50), now: start)
    #expect(floors.begin(picky) == [range: floor(58)])
    #expect(floors.begin(filter) == [range: floor(98)])
    let later = start + .seconds(1)
    #expect(isDue(filter, &floors, at: later))
    #expect(isDue(picky, &floors, at: later))
    floors.lower(to: [position(40)])
    #expect(floors.begin(picky) == [range: floor(40)])
    #expect(floors.begin(filter) == [range: floor(40)])
  }

  /// Else those for whom there never is a job would walk over what others take, at each of its submissions.
  @Test func thoseWhoFindNothingBeginWhereOthersHaveFoundSomething() {
    var floors = walked(took: .milliseconds(50))
    floors.walk(picky, found: [], isAll: true, took: .milliseconds(50), now: start)
    floors.walk(picky, found: [], isAll: true, took: .milliseconds(50), now: start)
    #expect(floors.begin(picky) == [range: floor(98)])
    // A job of other kinds comes back.
    floors.lower(to: [position(40)])
    floors.finish(picky, found: [], isAll: true, took: .milliseconds(1), now: start)
    #expect(floors.begin(picky) == [range: floor(40)], "it came after that statement had looked")
    floors.finish(picky, found: [], isAll: true, took: .milliseconds(50), now: start)
    #expect(floors.begin(picky) == [range: floor(98)])
  }

  @Test func thoseWhoDidNotSeeAllDoNot() {
    var floors = walked(took: .milliseconds(50))
    floors.walk(picky, found: [position(30)], took: .milliseconds(50), now: start)
    floors.walk(picky, found: [position(32)], took: .milliseconds(50), now: start)
    #expect(floors.begin(picky) == [range: floor(30)])
  }

  @Test func whatOthersFoundMeanwhileIsBeyondWhatWasLookedAt() {
    var floors = walked(took: .milliseconds(50))
    floors.walk(picky, found: [], isAll: true, took: .milliseconds(50), now: start)
    _ = floors.begin(picky)
    floors.walk(filter, found: [position(150)], took: .milliseconds(1), now: start)
    floors.finish(picky, found: [], isAll: true, took: .milliseconds(50), now: start)
    #expect(floors.begin(picky) == [range: floor(98)])
  }

  @Test func queuesThatComeAndGoAreForgotten() throws {
    var (floors, sweep) = try beingSwept()
    func slow(_ queue: String) {
      let filter = LeaseFilter(queues: [queue], kinds: [], capacityType: .unknown)
      let found = LeasePosition(range: filter.ranges[0], floor: floor(100))
      floors.walk(filter, found: [found], took: .milliseconds(50), now: start)
    }
    for number in 1..<LeaseFloors.mostFilters { slow("run-\(number)") }
    #expect(floors.begin(filter) == [range: floor(98)])
    floors.fail(filter)
    slow("one more")
    #expect(floors.begin(filter) == [:], "it begins anew")
    floors.finish(sweep, isClear: true, took: .milliseconds(50), now: start)
    #expect(floors.begin(filter) == [:], "what was under way then is of no use any more")
    #expect(floors.sweep(filter) == nil)
  }

  // MARK: Sweeps

  @Test(arguments: [(Duration.milliseconds(50), Duration.seconds(1)), (.seconds(3), .seconds(5))])
  func sweepsPauseTwentyTimesAsLongAsTheyTakeButNoLongerThanFiveSeconds(took: Duration, pause: Duration) throws {
    var floors = walked(took: took)
    #expect(!isDue(filter, &floors, at: start + pause - .milliseconds(1)))
    let sweep = try due(&floors, at: start + pause)
    #expect(sweep == LeaseFloors.Sweep(filter: filter, floors: [range: floor(98)]))
    #expect(!isDue(filter, &floors, at: start + pause + .seconds(60)), "it is under way")
    #expect(floors.begin(filter) == [range: floor(98)], "leases do not wait for it")
    floors.finish(sweep, isClear: true, took: took, now: start + pause)
    #expect(!isDue(filter, &floors, at: start + pause + pause - .milliseconds(1)))
    #expect(isDue(filter, &floors, at: start + pause + pause))
  }

  @Test func aSweepLooksBelowTheFloorsThatThereAreWhenItBegins() {
    var floors = walked(took: .milliseconds(50))
    #expect(isDue(filter, &floors, at: start + .seconds(1)))
    floors.walk(filter, found: [position(150)], took: .milliseconds(1), now: start)
    #expect(floors.sweep(filter)?.floors == [range: floor(148)])
  }

  /// It ended half-way, or failed: that it was quick says nothing.
  @Test func aQuickSweepThatIsNotClearEndsNothing() throws {
    var (floors, sweep) = try beingSwept()
    let later = start + .seconds(2)
    floors.finish(sweep, isClear: false, took: .milliseconds(1), now: later)
    #expect(floors.begin(filter) == [range: floor(98)])
    #expect(!isDue(filter, &floors, at: later + .milliseconds(999)))
    #expect(isDue(filter, &floors, at: later + .seconds(1)))
  }

  @Test func aQuickSweepThatIsClearEndsIt() throws {
    var (floors, sweep) = try beingSwept()
    floors.finish(sweep, isClear: true, took: .milliseconds(1), now: start)
    #expect(floors.begin(filter) == [:])
  }

  @Test func endingItWhileAStatementIsUnderWayChangesNothingForThat() throws {
    var (floors, sweep) = try beingSwept()
    _ = floors.begin(filter)
    floors.finish(sweep, isClear: true, took: .milliseconds(1), now: start)
    floors.finish(filter, found: [position(150)], isAll: false, took: .milliseconds(50), now: start)
    #expect(floors.begin(filter) == [:], "the next one sees how long it takes from the beginning")
  }

  /// What lies between a floor that was lowered and where leasing is, it has not looked at.
  @Test func aQuickSweepBelowALoweredFloorDoesNot() throws {
    var floors = walked(took: .milliseconds(50))
    floors.lower(to: [position(40)])
    let sweep = try due(&floors, at: start + .seconds(1))
    floors.finish(sweep, isClear: true, took: .milliseconds(1), now: start)
    #expect(floors.begin(filter) == [range: floor(40)])
  }

  @Test func norDoesOneOfSomeRangesOnly() throws {
    let both = LeaseFilter(queues: ["q", "r"], kinds: [], capacityType: .unknown)
    let other = LeasePosition(range: LeaseRange(queue: "r", placement: .any), floor: floor(50))
    var floors = LeaseFloors()
    floors.walk(both, found: [other, position(100)], took: .milliseconds(50), now: start)
    #expect(isDue(both, &floors, at: start + .seconds(1)))
    let part = LeaseFloors.Sweep(filter: both, floors: [range: floor(98)])
    floors.finish(part, isClear: true, took: .milliseconds(1), now: start)
    #expect(floors.begin(both) == [range: floor(98), other.range: floor(48)])
  }
}

extension LeaseFloors {
  /// A statement that is sent and comes back.
  fileprivate mutating func walk(
    _ filter: LeaseFilter, found: [LeasePosition], isAll: Bool = false, took: Duration,
    now: ContinuousClock.Instant
  ) {
    _ = begin(filter)
    finish(filter, found: found, isAll: isAll, took: took, now: now)
  }
}
