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
    floors.finish(floors.walk(filter), of: filter, found: [position(100)], took: took, now: start)
    return floors
  }

  /// Floors of which a sweep is under way.
  private func beingSwept() throws -> (LeaseFloors, LeaseFloors.Sweep) {
    var floors = walked(took: .milliseconds(50))
    return (floors, try #require(floors.takeDueSweeps(filter, now: start + .seconds(1)).first))
  }

  @Test func theFirstWalkIsFromTheBeginning() {
    let walk = LeaseFloors().walk(filter)
    #expect(walk.floors.isEmpty)
  }

  @Test func everyWalkIsWhileThatIsQuick() {
    var floors = walked(took: .milliseconds(3))
    #expect(floors.walk(filter).floors.isEmpty)
    #expect(floors.takeDueSweeps(filter, now: start + .seconds(3600)).isEmpty)
  }

  @Test func afterASlowOneWalksBeginALittleBeforeWhatWasFound() {
    let walk = walked(took: .milliseconds(50)).walk(filter)
    #expect(walk.floors == [range: floor(98)])
  }

  @Test(arguments: [(Duration.milliseconds(50), Duration.seconds(1)), (.seconds(3), .seconds(5))])
  func sweepsTakeATwentiethOfTheTimeAndComeAtLeastEveryFiveSeconds(took: Duration, due: Duration) {
    var floors = walked(took: took)
    #expect(floors.takeDueSweeps(filter, now: start + due - .milliseconds(1)).isEmpty)
    let sweep = LeaseFloors.Sweep(range: range, kinds: [], floor: floor(98))
    #expect(floors.takeDueSweeps(filter, now: start + due) == [sweep])
    #expect(floors.takeDueSweeps(filter, now: start + due + .seconds(60)).isEmpty, "it is under way")
    #expect(floors.walk(filter).floors == [range: floor(98)], "leases do not wait for it")
    floors.finish(sweep, found: nil, took: took, now: start + due)
    #expect(floors.takeDueSweeps(filter, now: start + due + due - .milliseconds(1)).isEmpty)
    #expect(floors.takeDueSweeps(filter, now: start + due + due) == [sweep])
  }

  @Test func aSweepThatFindsAJobLowersTheFloorToIt() throws {
    var (floors, sweep) = try beingSwept()
    let later = start + .seconds(2)
    floors.finish(sweep, found: floor(40), took: .milliseconds(1), now: later)
    #expect(floors.walk(filter).floors == [range: floor(40)])
    // That it was quick says nothing: it ended half-way.
    #expect(floors.takeDueSweeps(filter, now: later + .milliseconds(999)).isEmpty)
    #expect(floors.takeDueSweeps(filter, now: later + .seconds(1)).map(\.floor) == [floor(40)])
  }

  /// It looked when a statement was under way that took what it saw.
  @Test func whatASweepFoundIsPassedOverAgainOnceJobsAreFoundBehindIt() throws {
    var (floors, sweep) = try beingSwept()
    floors.finish(sweep, found: floor(40), took: .milliseconds(1), now: start)
    floors.finish(floors.walk(filter), of: filter, found: [position(150)], took: .milliseconds(50), now: start)
    #expect(floors.walk(filter).floors == [range: floor(148)])
  }

  @Test func aQuickSweepThatFindsNothingEndsIt() throws {
    var (floors, sweep) = try beingSwept()
    floors.finish(sweep, found: nil, took: .milliseconds(1), now: start)
    #expect(floors.walk(filter).floors.isEmpty)
  }

  @Test func aSweepThatFailsIsTriedAgainAfterAPause() throws {
    var (floors, sweep) = try beingSwept()
    let later = start + .seconds(2)
    floors.fail(sweep, now: later)
    #expect(floors.walk(filter).floors == [range: floor(98)])
    #expect(floors.takeDueSweeps(filter, now: later + .milliseconds(999)).isEmpty)
    #expect(floors.takeDueSweeps(filter, now: later + .seconds(1)) == [sweep])
  }

  /// Who takes certain kinds only passes over the others, which must not hide them from those who take them; and nobody's
  /// sweep is anybody else's.
  @Test func eachSelectionOfKindsHasAFloorOfItsOwn() throws {
    var floors = walked(took: .milliseconds(50))
    #expect(floors.walk(picky).floors.isEmpty)
    floors.finish(floors.walk(picky), of: picky, found: [position(60)], took: .milliseconds(50), now: start)
    #expect(floors.walk(picky).floors == [range: floor(58)])
    #expect(floors.walk(filter).floors == [range: floor(98)])
    let later = start + .seconds(1)
    #expect(floors.takeDueSweeps(filter, now: later).map(\.kinds) == [[]])
    #expect(floors.takeDueSweeps(picky, now: later).map(\.kinds) == [["k"]])
    floors.lower(to: position(40))
    #expect(floors.walk(picky).floors == [range: floor(40)])
    #expect(floors.walk(filter).floors == [range: floor(40)])
  }

  @Test func queuesThatComeAndGoAreForgotten() throws {
    var (floors, sweep) = try beingSwept()
    func slow(_ filter: LeaseFilter) {
      let found = LeasePosition(range: filter.ranges[0], floor: floor(100))
      floors.finish(floors.walk(filter), of: filter, found: [found], took: .milliseconds(50), now: start)
    }
    func queue(_ name: String) -> LeaseFilter { LeaseFilter(queues: [name], kinds: [], capacityType: .unknown) }
    for number in 0..<LeaseFloors.mostPaths { slow(queue("run-\(number)")) }
    #expect(!floors.walk(filter).floors.isEmpty)
    slow(queue("one more"))
    #expect(floors.walk(filter).floors.isEmpty, "it begins anew")
    floors.finish(sweep, found: floor(40), took: .milliseconds(50), now: start)
    #expect(floors.walk(filter).floors.isEmpty, "what was under way then is of no use any more")
  }

  @Test func aJobThatComesBackLowersTheFloorToWhereItStands() {
    var floors = walked(took: .milliseconds(50))
    floors.lower(to: position(40))
    #expect(floors.walk(filter).floors == [range: floor(40)])
    floors.lower(to: position(200, priority: 5))
    // A higher priority comes first.
    #expect(floors.walk(filter).floors == [range: floor(200, priority: 5)])
    floors.lower(to: position(300))
    #expect(floors.walk(filter).floors == [range: floor(200, priority: 5)])
  }

  /// It was put there after the statement had looked: what the statement found must not hide it.
  @Test func aStatementThatWasSentBeforeDoesNotRaiseTheFloorAgain() {
    var floors = walked(took: .milliseconds(50))
    let walk = floors.walk(filter)
    floors.lower(to: position(40))
    floors.finish(walk, of: filter, found: [position(150)], took: .milliseconds(1), now: start)
    #expect(floors.walk(filter).floors == [range: floor(40)])
  }

  @Test func theFloorFollowsTheLastJobThatWasFound() {
    var floors = walked(took: .milliseconds(50))
    let walk = floors.walk(filter)
    floors.finish(walk, of: filter, found: [position(150), position(160)], took: .milliseconds(1), now: start)
    #expect(floors.walk(filter).floors == [range: floor(158)])
  }

  @Test func aRangeOfWhichNothingIsKnownIsWalkedFromItsBeginningAndTheOthersAreNot() {
    let both = LeaseFilter(queues: ["q", "r"], kinds: [], capacityType: .unknown)
    #expect(walked(took: .milliseconds(50)).walk(both).floors == [range: floor(98)])
  }
}
