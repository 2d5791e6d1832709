import BatonPostgres
import BatonShared
import BatonTestSupport
import ServiceLifecycle
import Synchronization
import Testing

@testable import BatonCoordinator

@Suite struct BatcherTests {
  /// A database that holds each batch until it is let go, and remembers them all.
  private actor Database {
    private(set) var batches: [[Int]] = []
    private var held: [CheckedContinuation<Void, Never>] = []
    private var isOpen: Bool
    private let fail: @Sendable ([Int], Int) -> PostgresError?

    init(isOpen: Bool = true, fail: @Sendable @escaping ([Int], Int) -> PostgresError? = { _, _ in nil }) {
      self.isOpen = isOpen
      self.fail = fail
    }

    var heldCount: Int { held.count }

    func perform(_ items: [Int]) async throws -> [Int] {
      batches.append(items)
      let number = batches.count
      if !isOpen { await withCheckedContinuation { held.append($0) } }
      if let error = fail(items, number) { throw error }
      return items.map { $0 * 10 }
    }

    func open() {
      isOpen = true
      for waiter in held { waiter.resume() }
      held = []
    }
  }

  private static func error(_ sqlState: String) -> PostgresError {
    .server(PostgresServerError(sqlState: sqlState, message: "no"))
  }

  private func batcher(
    _ database: Database, maximumItems: Int = 1000, maximumWaiting: Int = 50_000, lanes: Int = 1, worthALane: Int = 1
  ) -> Batcher<Int, Int> {
    Batcher(
      maximumItems: maximumItems, maximumWaiting: maximumWaiting, lanes: lanes, worthALane: worthALane
    ) { try await database.perform($0) }
  }

  /// Sends one batch that stays at the database, then the others one after the other behind it.
  private func gather<Value: Sendable>(
    _ batcher: Batcher<Int, Int>, _ database: Database, _ requests: [[Int]],
    then body: @Sendable ([Task<[Int], any Error>]) async throws -> Value
  ) async throws -> Value {
    var tasks = [Task { try await batcher.submit([0]) }]
    try await eventually { await database.heldCount == 1 }
    var waiting = 0
    for request in requests {
      tasks.append(Task { try await batcher.submit(request) })
      waiting += request.count
      let expected = waiting
      try await eventually { batcher.waitingItems == expected }
    }
    return try await body(tasks)
  }

  @Test func anIdleBatcherSendsAtOnce() async throws {
    let database = Database()
    let batcher = batcher(database)
    try await withServices([batcher]) { _ async throws in
      for item in 1...3 { #expect(try await batcher.submit(item) == item * 10) }
      #expect(try await batcher.submit([]) == [])
    }
    #expect(await database.batches == [[1], [2], [3]])
  }

  @Test func whatArrivesWhileABatchIsAtTheDatabaseBecomesTheNextOneInOrder() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database)
    try await withServices([batcher]) { _ async throws in
      try await gather(batcher, database, [[1], [2, 3], [4], [5, 6]]) { tasks async throws in
        await database.open()
        var outcomes: [[Int]] = []
        for task in tasks { outcomes.append(try await task.value) }
        #expect(outcomes == [[0], [10], [20, 30], [40], [50, 60]])
      }
    }
    #expect(await database.batches == [[0], [1, 2, 3, 4, 5, 6]])
  }

  @Test func aRequestStaysTogetherAndABatchIsBounded() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database, maximumItems: 4)
    try await withServices([batcher]) { _ async throws in
      // The last one is larger than any batch should be: it goes alone, but whole.
      try await gather(batcher, database, [[1, 2], [3, 4, 5], [6], [7, 8, 9, 10, 11, 12]]) { tasks async throws in
        await database.open()
        for task in tasks { _ = try await task.value }
      }
    }
    #expect(await database.batches == [[0], [1, 2], [3, 4, 5, 6], [7, 8, 9, 10, 11, 12]])
  }

  @Test(arguments: [false, true])
  func whatArrivesWhileABatchIsGatheredIsInIt(isClosing: Bool) async throws {
    let (database, began, turn) = (Database(), Signal(), Signal())
    let batcher = Batcher<Int, Int>(lanes: 2, worthALane: 1) {
      await began.set()
      await turn.wait()
    } perform: {
      try await database.perform($0)
    }
    let first = Task { try await batcher.submit(1) }
    let other = Task { try await batcher.submit(4) }
    try await eventually { batcher.waitingItems == 2 }
    try await withServices([batcher]) { group async throws in
      await began.wait()
      let second = Task { try await batcher.submit([2, 3]) }
      try await eventually { batcher.waitingItems == 4 }
      if isClosing {
        await group.triggerGracefulShutdown()
        try await eventually { batcher.isClosed }
      }
      await turn.set()
      #expect(try await first.value == 10)
      #expect(try await other.value == 40)
      #expect(try await second.value == [20, 30])
    }
    #expect(await database.batches.map { $0.sorted() } == [[1, 2, 3, 4]])
  }

  @Test func aBatchForManyWaitsForNobody() async throws {
    let database = Database()
    let batcher = Batcher<Int, Int>(lanes: 2) {
      Issue.record("waited for others")
    } perform: {
      try await database.perform($0)
    }
    let tasks = (1...6).map { item in Task { try await batcher.submit(item) } }
    try await eventually { batcher.waitingItems == tasks.count }
    try await withServices([batcher]) { _ async throws in
      for (item, task) in zip(1..., tasks) { #expect(try await task.value == item * 10) }
    }
    #expect(await database.batches.map { $0.sorted() } == [[1, 2, 3, 4, 5, 6]])
  }

  @Test func severalLanesAreAtTheDatabaseAtOnce() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database, lanes: 2)
    try await withServices([batcher]) { _ async throws in
      async let first = batcher.submit(1)
      try await eventually { await database.heldCount == 1 }
      async let second = batcher.submit(2)
      try await eventually { await database.heldCount == 2 }
      await database.open()
      #expect(try await [first, second] == [10, 20])
    }
  }

  @Test func manyThatWaitAreWorthALane() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database, lanes: 2, worthALane: 3)
    try await withServices([batcher]) { _ async throws in
      async let first = batcher.submit(1)
      try await eventually { await database.heldCount == 1 }
      async let second = batcher.submit([2, 3, 4])
      try await eventually { await database.heldCount == 2 }
      async let third = batcher.submit(5)
      try await eventually { batcher.waitingItems == 1 }
      await database.open()
      #expect(try await [first, third] == [10, 50])
      #expect(try await second == [20, 30, 40])
    }
  }

  @Test func aBatchThatTakesLongHoldsUpNobodyElse() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database, lanes: 2, worthALane: 100)
    try await withServices([batcher]) { _ async throws in
      async let first = batcher.submit(1)
      try await eventually { await database.heldCount == 1 }
      async let second = batcher.submit(2)
      try await eventually { await database.heldCount == 2 }
      await database.open()
      #expect(try await [first, second] == [10, 20])
    }
  }

  @Test func aLargeRequestLeavesALaneToTheOthers() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database, maximumItems: 3, lanes: 2)
    try await withServices([batcher]) { _ async throws in
      async let large = batcher.submit([1, 2, 3, 4])
      try await eventually { await database.heldCount == 1 }
      async let another = batcher.submit([5, 6, 7, 8])
      try await eventually { batcher.waitingItems == 4 }
      async let small = batcher.submit(9)
      try await eventually { await database.heldCount == 2 }
      #expect(await database.batches == [[1, 2, 3, 4], [9]])
      await database.open()
      #expect(try await large == [10, 20, 30, 40])
      #expect(try await another == [50, 60, 70, 80])
      #expect(try await small == 90)
    }
    #expect(await database.batches == [[1, 2, 3, 4], [9], [5, 6, 7, 8]])
  }

  @Test func largeRequestsThatWaitAreNoReasonToRefuseSmallOnes() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database, maximumItems: 3, maximumWaiting: 4, lanes: 2)
    try await withServices([batcher]) { _ async throws in
      async let first = batcher.submit([1, 2, 3, 4])
      try await eventually { await database.heldCount == 1 }
      async let second = batcher.submit([5, 6, 7, 8])
      try await eventually { batcher.waitingItems == 4 }
      await #expect(throws: Problem.self) { try await batcher.submit([9, 10, 11, 12]) }
      async let small = batcher.submit(13)
      try await eventually { await database.heldCount == 2 }
      await database.open()
      #expect(try await small == 130)
      _ = try await (first, second)
    }
  }

  @Test func whoWaitsForTooLongIsSentAway() async throws {
    let database = Database(isOpen: false)
    let batcher = Batcher<Int, Int>(lanes: 1, patience: .milliseconds(100)) { try await database.perform($0) }
    try await withServices([batcher]) { _ async throws in
      async let first = batcher.submit(1)
      try await eventually { await database.heldCount == 1 }
      let problem = await #expect(throws: Problem.self) { try await batcher.submit(2) }
      #expect(problem?.knownCode == .databaseUnavailable)
      await database.open()
      #expect(try await first == 10)
    }
    #expect(await database.batches == [[1]])
  }

  @Test func whileTheDatabaseDoesNotAnswerNobodyWaits() async throws {
    let database = Database(isOpen: false)
    let isOpen = Atomic(true)
    let batcher = Batcher<Int, Int>(
      lanes: 1, patience: .seconds(3600), isOpen: { isOpen.load(ordering: .relaxed) },
      perform: { try await database.perform($0) })
    try await withServices([batcher]) { _ async throws in
      try await gather(batcher, database, [[1], [2, 3]]) { tasks async throws in
        isOpen.store(false, ordering: .relaxed)
        for task in tasks.dropFirst() {
          let problem = await #expect(throws: Problem.self) { try await task.value }
          #expect(problem?.knownCode == .databaseUnavailable)
        }
        #expect(batcher.waitingItems == 0)
        await database.open()
        #expect(try await tasks[0].value == [0], "what is at the database stays there")
      }
    }
  }

  @Test func onlyTheCulpritFailsWhenItsDataSpoilTheBatch() async throws {
    let database = Database(isOpen: false) { items, _ in items.contains(13) ? Self.error("22P05") : nil }
    let batcher = batcher(database)
    try await withServices([batcher]) { _ async throws in
      try await gather(batcher, database, [[1], [2, 13, 3], [4]]) { tasks async throws in
        await database.open()
        #expect(try await tasks[1].value == [10])
        let error = await #expect(throws: PostgresError.self) { try await tasks[2].value }
        #expect(error?.sqlState == "22P05")
        #expect(try await tasks[3].value == [40])
      }
    }
    #expect(await database.batches == [[0], [1, 2, 13, 3, 4], [1], [2, 13, 3], [4]])
  }

  @Test func anOutageFailsAllAndIsNotTriedItemByItem() async throws {
    let database = Database(isOpen: false) { _, number in number == 2 ? .connection("away") : nil }
    let batcher = batcher(database)
    try await withServices([batcher]) { _ async throws in
      try await gather(batcher, database, [[1], [2]]) { tasks async throws in
        await database.open()
        for task in tasks.dropFirst() {
          await #expect(throws: PostgresError.connection("away")) { try await task.value }
        }
      }
      #expect(try await batcher.submit(3) == 30)
    }
    #expect(await database.batches == [[0], [1, 2], [3]])
  }

  @Test(arguments: ["40P01", "40001"])
  func aDeadlockIsTriedAgain(sqlState: String) async throws {
    let database = Database { _, number in number < 3 ? Self.error(sqlState) : nil }
    let batcher = batcher(database)
    try await withServices([batcher]) { _ async throws in #expect(try await batcher.submit(1) == 10) }
    #expect(await database.batches.count == 3)
  }

  @Test func anEndlessDeadlockIsGivenUp() async throws {
    let database = Database { _, _ in Self.error("40P01") }
    let batcher = batcher(database)
    try await withServices([batcher]) { _ async throws in
      await #expect(throws: PostgresError.self) { try await batcher.submit(1) }
    }
    #expect(await database.batches.count == 4)
  }

  @Test func aFullQueueRefusesInsteadOfGrowing() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database, maximumWaiting: 3)
    try await withServices([batcher]) { _ async throws in
      try await gather(batcher, database, [[1], [2, 3]]) { tasks async throws in
        let problem = await #expect(throws: Problem.self) { try await batcher.submit(4) }
        #expect(problem?.knownCode == .databaseUnavailable)
        await database.open()
        #expect(try await tasks[2].value == [20, 30])
      }
      #expect(try await batcher.submit(5) == 50)
    }
  }

  @Test func closingCarriesOutWhatWaitsAndRefusesWhatComes() async throws {
    let database = Database(isOpen: false)
    let batcher = batcher(database)
    try await withServices([batcher]) { group async throws in
      try await gather(batcher, database, [[1], [2]]) { tasks async throws in
        await group.triggerGracefulShutdown()
        try await eventually { batcher.isClosed }
        let problem = await #expect(throws: Problem.self) { try await batcher.submit(9) }
        #expect(problem?.knownCode == .draining)
        await database.open()
        for task in tasks { _ = try await task.value }
      }
    }
    #expect(await database.batches == [[0], [1, 2]])
  }

  @Test func cancellingTheServiceEndsItToo() async throws {
    let database = Database()
    let batcher = batcher(database)
    let task = Task { try await batcher.run() }
    #expect(try await batcher.submit(1) == 10)
    task.cancel()
    try await task.value
    await #expect(throws: Problem.self) { try await batcher.submit(2) }
  }
}
