import BatonShared
import Testing

@testable import BatonCoordinator

@Suite struct LeaseFloorsTests {
  private let range = LeaseRange(queue: "q", placement: .any)
  private let start = ContinuousClock.now

  private func position(_ seconds: Double, priority: Int = 0) -> LeasePosition {
    LeasePosition(
      range: range, floor: LeaseFloor(priority: priority, runAt: Instant(microseconds: Int64(seconds * 1_000_000))))
  }

  private func floor(_ seconds: Double, priority: Int = 0) -> LeaseFloor { position(seconds, priority: priority).floor }

  /// Floors after a sweep that took so long and found a job of second 100.
  private func swept(took: Duration) -> LeaseFloors {
    var floors = LeaseFloors()
    floors.finish(floors.walk([range], now: start), of: [range], found: [position(100)], took: took, now: start)
    return floors
  }

  @Test func theFirstWalkIsASweep() {
    let walk = LeaseFloors().walk([range], now: start)
    #expect(walk.floors.isEmpty)
  }

  @Test func everyWalkIsASweepWhileThatIsQuick() {
    #expect(swept(took: .milliseconds(3)).walk([range], now: start).floors.isEmpty)
  }

  @Test func afterASlowSweepWalksBeginALittleBeforeWhatWasFound() {
    let walk = swept(took: .milliseconds(50)).walk([range], now: start + .milliseconds(999))
    #expect(walk.floors == [range: floor(98)])
  }

  @Test(arguments: [(Duration.milliseconds(50), Duration.seconds(1)), (.seconds(3), .seconds(5))])
  func sweepsTakeATwentiethOfTheTimeAndComeAtLeastEveryFiveSeconds(took: Duration, due: Duration) {
    let floors = swept(took: took)
    #expect(!floors.walk([range], now: start + due - .milliseconds(1)).floors.isEmpty)
    #expect(floors.walk([range], now: start + due).floors.isEmpty)
  }

  @Test func queuesThatComeAndGoAreForgotten() {
    var floors = LeaseFloors()
    func slow(_ range: LeaseRange) {
      let found = LeasePosition(range: range, floor: floor(100))
      floors.finish(floors.walk([range], now: start), of: [range], found: [found], took: .milliseconds(50), now: start)
    }
    slow(range)
    for number in 0..<LeaseFloors.mostRanges { slow(LeaseRange(queue: "run-\(number)", placement: .any)) }
    #expect(!floors.walk([range], now: start).floors.isEmpty)
    slow(LeaseRange(queue: "one more", placement: .any))
    #expect(floors.walk([range], now: start).floors.isEmpty, "it begins anew")
  }

  @Test func aQuickSweepEndsIt() {
    var floors = swept(took: .milliseconds(50))
    let later = start + .seconds(2)
    floors.finish(floors.walk([range], now: later), of: [range], found: [], took: .milliseconds(1), now: later)
    #expect(floors.walk([range], now: later).floors.isEmpty)
  }

  @Test func aJobThatComesBackLowersTheFloorToWhereItStands() {
    var floors = swept(took: .milliseconds(50))
    floors.lower(to: position(40))
    #expect(floors.walk([range], now: start).floors == [range: floor(40)])
    floors.lower(to: position(200, priority: 5))
    // A higher priority comes first.
    #expect(floors.walk([range], now: start).floors == [range: floor(200, priority: 5)])
    floors.lower(to: position(300))
    #expect(floors.walk([range], now: start).floors == [range: floor(200, priority: 5)])
  }

  /// It was put there after the statement had looked: what the statement found must not hide it.
  @Test func aStatementThatWasSentBeforeDoesNotRaiseTheFloorAgain() {
    var floors = swept(took: .milliseconds(50))
    let walk = floors.walk([range], now: start)
    floors.lower(to: position(40))
    floors.finish(walk, of: [range], found: [position(150)], took: .milliseconds(1), now: start)
    #expect(floors.walk([range], now: start).floors == [range: floor(40)])
  }

  @Test func theFloorFollowsTheLastJobThatWasFound() {
    var floors = swept(took: .milliseconds(50))
    let walk = floors.walk([range], now: start)
    floors.finish(walk, of: [range], found: [position(150), position(160)], took: .milliseconds(1), now: start)
    #expect(floors.walk([range], now: start).floors == [range: floor(158)])
  }

  @Test func aRangeOfWhichNothingIsKnownIsWalkedFromItsBeginningAndTheOthersAreNot() {
    let other = LeaseRange(queue: "q", placement: .spot)
    #expect(swept(took: .milliseconds(50)).walk([range, other], now: start).floors == [range: floor(98)])
  }
}
