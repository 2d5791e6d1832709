import Testing

@testable import BatonThreads

@Suite struct LockTests {
  private final class Tally: Sendable {
    let count = Lock(0)
    let items = Lock<[Int]>([])
  }

  @Test func onlyOneThreadHasTheValueAtATime() async {
    let tally = Tally()
    let executor = ThreadExecutor(name: "lock", threads: 16)
    await withTaskGroup(of: Void.self) { group in
      for item in 0..<16 {
        group.addTask(executorPreference: executor) {
          for _ in 0..<2000 {
            tally.count.withLock { $0 += 1 }
            tally.items.withLock { $0.append(item) }
          }
        }
      }
    }
    #expect(tally.count.withLock { $0 } == 32_000)
    #expect(tally.items.withLock { $0.sorted() } == (0..<16).flatMap { Array(repeating: $0, count: 2000) })
  }

  @Test func anErrorLetsGoOfIt() {
    struct Refusal: Error {}
    let lock = Lock("as it was")
    #expect(throws: Refusal.self) { try lock.withLock { _ throws(Refusal) in throw Refusal() } }
    #expect(lock.withLock { $0 } == "as it was")
  }
}
