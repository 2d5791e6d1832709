import BatonTestSupport
import Synchronization
import Testing

@testable import BatonCoordinator

@Suite struct LeaseDeliveryTests {
  private final class Count: Sendable {
    let value = Atomic(0)
  }

  @Test func anAnswerThatIsNeverBegunHandsItsLeasesBack() async throws {
    let count = Count()
    var delivery: LeaseDelivery? = LeaseDelivery { count.value.add(1, ordering: .relaxed) }
    #expect(delivery != nil && count.value.load(ordering: .relaxed) == 0)
    delivery = nil
    try await eventually("the handing back") { count.value.load(ordering: .relaxed) == 1 }
  }

  @Test func anAnswerThatIsWrittenDoesNot() async throws {
    let (written, not) = (Count(), Count())
    do {
      let delivery = LeaseDelivery { written.value.add(1, ordering: .relaxed) }
      delivery.isWritten()
    }
    do { _ = LeaseDelivery { not.value.add(1, ordering: .relaxed) } }
    // What the first would have done was due before this.
    try await eventually("the handing back") { not.value.load(ordering: .relaxed) == 1 }
    #expect(written.value.load(ordering: .relaxed) == 0)
  }
}
