import Testing

@testable import BatonPostgres

/// The pool's rules, without a server: connections and waiters are numbers.
@Suite struct PoolStateTests {
  private typealias State = PoolState<Int, String>
  private let soon = ContinuousClock.now + .seconds(5)
  private let lost = PostgresError.connection("gone")

  /// A pool with one connection, idle.
  private func pool(size: Int = 2, maximumWaiters: Int = 10) -> State {
    var state = State(size: size, maximumWaiters: maximumWaiters)
    _ = state.enqueue(0, "first", deadline: soon)
    let effects = state.opened(1)
    _ = state.release(try! effects.answers[0].result.get(), .reusable)
    return state
  }

  /// Borrows the idle connection that has to be there.
  private func take(_ state: inout State) throws -> PoolSlot<Int> {
    let slot = state.takeIdle()
    return try #require(slot)
  }

  private func names(_ effects: State.Effects) -> [String] { effects.answers.map(\.waiter) }

  @Test func firstCallerOpensOneConnectionAndGetsIt() throws {
    var state = State(size: 2, maximumWaiters: 10)
    let asked = state.enqueue(1, "a", deadline: soon)
    #expect(asked.answers.isEmpty)
    #expect(asked.opens == 1)
    #expect(asked.startsTimer)
    let opened = state.opened(7)
    #expect(names(opened) == ["a"])
    #expect(try opened.answers[0].result.get().connection == 7)
  }

  @Test func noMoreConnectionsAreOpenedThanThePoolMayHave() {
    var state = State(size: 2, maximumWaiters: 10)
    let opens = (1...5).map { state.enqueue($0, "\($0)", deadline: soon).opens }
    #expect(opens == [1, 1, 0, 0, 0])
  }

  @Test func returnedConnectionGoesToTheFirstInLine() throws {
    var state = pool(size: 1)
    let slot = try take(&state)
    for number in UInt64(1)...3 { _ = state.enqueue(number, "\(number)", deadline: soon) }
    #expect(state.waiterCount == 3)
    let cancelled = state.cancel(1)
    #expect(cancelled == "1")
    let handedOver = state.release(slot, .reusable)
    #expect(names(handedOver) == ["2"])
    let left = state.takeIdle()
    #expect(left == nil)
  }

  @Test func mostRecentlyUsedConnectionIsTakenFirst() throws {
    var state = State(size: 2, maximumWaiters: 10)
    _ = state.enqueue(1, "a", deadline: soon)
    _ = state.enqueue(2, "b", deadline: soon)
    let first = try state.opened(1).answers[0].result.get()
    let second = try state.opened(2).answers[0].result.get()
    _ = state.release(second, .reusable)
    _ = state.release(first, .reusable)
    let taken = state.takeIdle()
    #expect(taken?.connection == 1)
  }

  @Test func tooManyWaitersAreTurnedAway() throws {
    var state = pool(size: 1, maximumWaiters: 1)
    _ = try take(&state)
    let asked = state.enqueue(1, "a", deadline: soon)
    #expect(asked.answers.isEmpty)
    let refused = state.enqueue(2, "b", deadline: soon)
    #expect(throws: PostgresError.poolExhausted) { try refused.answers[0].result.get() }
  }

  @Test func onlyThoseWhoseTimeIsUpGiveUp() throws {
    var state = pool(size: 1)
    _ = try take(&state)
    _ = state.enqueue(1, "early", deadline: soon)
    _ = state.enqueue(2, "late", deadline: soon + .seconds(1))
    let first = state.nextDeadline()
    #expect(first == soon)
    let expired = state.expire(now: soon)
    #expect(names(expired) == ["early"])
    #expect(throws: PostgresError.poolExhausted) { try expired.answers[0].result.get() }
    #expect(state.waiterCount == 1)
    _ = state.cancel(2)
    let none = state.nextDeadline()
    #expect(none == nil)
  }

  @Test func unreachableServerFailsEveryoneAtOnceAndOneOpenerGoesOn() {
    var state = State(size: 2, maximumWaiters: 10)
    _ = state.enqueue(1, "a", deadline: soon)
    _ = state.enqueue(2, "b", deadline: soon)
    let (effects, next) = state.openFailed(lost, isRepeated: false)
    #expect(names(effects) == ["a", "b"])
    #expect(next == .later)
    let (_, second) = state.openFailed(lost, isRepeated: false)
    #expect(second == .none)
    let refused = state.enqueue(3, "c", deadline: soon)
    #expect(throws: lost) { try refused.answers[0].result.get() }
    #expect(refused.opens == 0)
    let goesOn = state.shouldTryAgain()
    #expect(goesOn)
    let opened = state.opened(1)
    #expect(opened.answers.isEmpty)
    let replacement = state.takeIdle()
    #expect(replacement?.connection == 1)
  }

  @Test func failureToOpenMoreLeavesCallersWaitingForWhatIsOpen() throws {
    var state = pool(size: 2)
    let slot = try take(&state)
    let asked11 = state.enqueue(1, "a", deadline: soon)
    #expect(asked11.opens == 1)
    let (effects, next) = state.openFailed(lost, isRepeated: false)
    #expect(effects.answers.isEmpty)
    #expect(next == .later)
    let released12 = state.release(slot, .reusable)
    #expect(names(released12) == ["a"])
  }

  @Test func lossOfTheLastConnectionDuringAnOutageFailsTheRest() throws {
    var state = pool(size: 2)
    let slot = try take(&state)
    _ = state.enqueue(1, "a", deadline: soon)
    _ = state.openFailed(lost, isRepeated: false)
    let effects = state.release(slot, .broken)
    #expect(names(effects) == ["a"])
    #expect(effects.discarded == [1])
  }

  @Test func brokenConnectionIsReplacedForThoseWhoWait() throws {
    var state = pool(size: 1)
    let slot = try take(&state)
    let asked13 = state.enqueue(1, "a", deadline: soon)
    #expect(asked13.opens == 0)
    let released14 = state.release(slot, .broken)
    #expect(released14.opens == 1)
    let opened15 = state.opened(2)
    #expect(names(opened15) == ["a"])
  }

  @Test func demotedServerCostsEveryConnectionToIt() throws {
    var state = State(size: 3, maximumWaiters: 10)
    for number in UInt64(1)...3 { _ = state.enqueue(number, "\(number)", deadline: soon) }
    let slots = try (1...3).map { try state.opened($0).answers[0].result.get() }
    _ = state.release(slots[0], .reusable)
    let released16 = state.release(slots[1], .outdated)
    #expect(released16.discarded == [1, 2])
    let released17 = state.release(slots[2], .reusable)
    #expect(released17.discarded == [3])
    #expect(state.openCount == 0)
  }

  @Test func closingPoolRefusesAndWaitsForWhatIsLent() throws {
    var state = pool(size: 1)
    let slot = try take(&state)
    _ = state.enqueue(1, "a", deadline: soon)
    let closing = state.beginClosing()
    #expect(names(closing) == ["a"])
    #expect(!closing.isDrained)
    let refused = state.enqueue(2, "b", deadline: soon)
    #expect(throws: PostgresError.closed) { try refused.answers[0].result.get() }
    let released = state.release(slot, .reusable)
    #expect(released.isDrained)
    #expect(released.discarded == [1])
  }
}
