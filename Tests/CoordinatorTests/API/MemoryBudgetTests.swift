import BatonShared
import BatonTestSupport
import Testing

@testable import BatonCoordinator

@Suite struct MemoryBudgetTests {
  @Test func whatIsTakenComesBackOnce() throws {
    let budget = MemoryBudget(limit: 100)
    var share: MemoryShare? = MemoryShare(of: budget)
    try share?.grow(to: 40)
    try share?.grow(to: 60)
    try share?.grow(to: 50)
    #expect(budget.used == 60)
    #expect(throws: Problem.self) { try share?.grow(to: 101) }
    #expect(budget.used == 60)
    share?.giveBack()
    #expect(budget.used == 0)
    try share?.grow(to: 10)
    share = nil
    #expect(budget.used == 0)
  }

  @Test func thoseWhoWaitAreServedInTheirOrderAndALargeOneIsNotStarved() async throws {
    let budget = MemoryBudget(limit: 100)
    #expect(try await budget.takeInTurn(60) == 60)
    let large = Task { try await budget.takeInTurn(1000) }
    try await eventually { budget.waitingCount == 1 }
    let small = Task { try await budget.takeInTurn(10) }
    try await eventually { budget.waitingCount == 2 }
    #expect(!budget.take(1), "nobody overtakes")
    budget.giveBack(60)
    #expect(try await large.value == 100, "all there is")
    #expect(budget.used == 100 && budget.waitingCount == 1)
    budget.giveBack(100)
    #expect(try await small.value == 10)
    #expect(budget.used == 10)
  }

  @Test func whoWaitsTooLongOrGoesAwayTakesNothing() async throws {
    let budget = MemoryBudget(limit: 100, maximumWaiting: 1, patience: .milliseconds(50))
    #expect(budget.take(100))
    await #expect(throws: Problem.self) { try await budget.takeInTurn(10) }
    let patient = MemoryBudget(limit: 100, maximumWaiting: 1, patience: .seconds(3600))
    #expect(patient.take(100))
    let gone = Task { try await patient.takeInTurn(10) }
    try await eventually { patient.waitingCount == 1 }
    await #expect(throws: Problem.self, "too many wait") { try await patient.takeInTurn(10) }
    gone.cancel()
    await #expect(throws: CancellationError.self) { try await gone.value }
    #expect(patient.waitingCount == 0)
    patient.giveBack(100)
    #expect(patient.used == 0 && budget.used == 100)
  }

  @Test func nothingIsLostHoweverManyComeAndGo() async throws {
    let budget = MemoryBudget(limit: 100, maximumWaiting: 10_000, patience: .milliseconds(20))
    await withDiscardingTaskGroup { group in
      for index in 0..<500 {
        group.addTask {
          guard let taken = try? await budget.takeInTurn(1 + index % 70) else { return }
          await Task.yield()
          budget.giveBack(taken)
        }
      }
    }
    #expect(budget.used == 0 && budget.waitingCount == 0)
  }
}
