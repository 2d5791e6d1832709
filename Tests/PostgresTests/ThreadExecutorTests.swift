import BatonTestSupport
import BatonThreads
import Synchronization
import Testing

@Suite struct ThreadExecutorTests {
  private actor Counter {
    private let executor: ThreadExecutor
    private(set) var value = 0
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ executor: ThreadExecutor) { self.executor = executor }

    func increment() -> Bool {
      value += 1
      return executor.isIsolatingCurrentContext() ?? false
    }
  }

  private final class Arrivals: Sendable {
    let count = Atomic(0)
  }

  @Test func actorOnItsOwnThreadRunsEveryCallThere() async {
    let counter = Counter(ThreadExecutor(name: "counter"))
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<1000 { group.addTask { await counter.increment() } }
      for await isOnThread in group { #expect(isOnThread) }
    }
    #expect(await counter.value == 1000)
  }

  @Test func callerLeavesTheThreadAfterTheCall() async {
    let executor = ThreadExecutor(name: "counter")
    let counter = Counter(executor)
    _ = await counter.increment()
    #expect(executor.isIsolatingCurrentContext() == false)
  }

  /// Each blocks its thread until all have come: possible only with so many threads at once.
  private func meet(_ count: Int, on executor: ThreadExecutor) async {
    let arrivals = Arrivals()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<count {
        group.addTask(executorPreference: executor) {
          arrivals.count.wrappingAdd(1, ordering: .sequentiallyConsistent)
          while arrivals.count.load(ordering: .sequentiallyConsistent) < count { usleep(50) }
        }
      }
    }
    #expect(arrivals.count.load(ordering: .relaxed) == count)
  }

  @Test func blockedThreadsDoNotBlockEachOther() async {
    let executor = ThreadExecutor(name: "blocking", threads: 4)
    // First they are started, then woken: some idle, some still busy with the end of the last round.
    for _ in 0..<200 { await meet(4, on: executor) }
    #expect(executor.liveThreads == 4)
  }

  @Test(.timeLimit(.minutes(1))) func asManyBlockAtOnceAsThereAreThreadsHoweverManyCoresThereAre() async {
    let executor = ThreadExecutor(name: "all-block", threads: 100)
    for _ in 0..<3 { await meet(100, on: executor) }
    #expect(executor.liveThreads == 100)
  }

  @Test(.timeLimit(.minutes(1))) func jobsThatAreSoonOverGoOnBesideThoseThatBlock() async {
    let executor = ThreadExecutor(name: "mixed", threads: 100)
    let over = Arrivals()
    await withTaskGroup(of: Void.self) { group in
      // As many as there are cores, and more: only others could run what comes behind them.
      for _ in 0..<50 {
        group.addTask(executorPreference: executor) {
          while over.count.load(ordering: .sequentiallyConsistent) == 0, !Task.isCancelled { usleep(1000) }
        }
      }
      let ran = Arrivals()
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<1000 {
          group.addTask(executorPreference: executor) { _ = ran.count.wrappingAdd(1, ordering: .relaxed) }
        }
      }
      #expect(ran.count.load(ordering: .relaxed) == 1000)
      over.count.store(1, ordering: .sequentiallyConsistent)
    }
  }

  @Test func idleThreadsEndAtTheShutdownAndWorkThatComesLaterRuns() async throws {
    let executor = ThreadExecutor(name: "many-idle", threads: 4)
    await meet(4, on: executor)
    executor.shutdown()
    let ran = Arrivals()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<100 {
        group.addTask(executorPreference: executor) { _ = ran.count.wrappingAdd(1, ordering: .relaxed) }
      }
    }
    #expect(ran.count.load(ordering: .relaxed) == 100)
    try await eventually { executor.liveThreads == 0 }
  }

  @Test func threadsEndWhenTheExecutorGoesAway() async throws {
    let before = try threadNames().count { $0 == "short-lived" }
    for _ in 0..<200 {
      let counter = Counter(ThreadExecutor(name: "short-lived"))
      _ = await counter.increment()
    }
    try await eventually { try threadNames().count { $0 == "short-lived" } == before }
  }

  @Test func workAfterShutdownStillRuns() async throws {
    let executor = ThreadExecutor(name: "shut-down")
    let counter = Counter(executor)
    _ = await counter.increment()
    executor.shutdown()
    #expect(await counter.increment())
    #expect(await counter.value == 2)
    try await eventually { executor.liveThreads == 0 }
  }
}
