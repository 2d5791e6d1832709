import BatonShared
import BatonTelemetry
import Testing

@testable import BatonWorker

/// How many leases are held beyond the slots, and what is asked for.
@Suite struct PrefetchTests {
  private let start = ContinuousClock.now

  private func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

  @Test func asManyAsEndedOfLate() {
    var prefetch = Prefetch(limit: 1000)
    #expect(prefetch.wanted(at: start) == 0, "nothing is known yet")
    for _ in 0..<40 { prefetch.jobEnded(after: 0.001, at: start) }
    #expect(prefetch.wanted(at: after(0.1)) == 40)
    for _ in 0..<20 { prefetch.jobEnded(after: 0.001, at: after(0.25)) }
    #expect(prefetch.wanted(at: after(0.25)) == 60)
    #expect(prefetch.wanted(at: after(0.375)) == 40, "half of the window before, and this one")
    #expect(prefetch.wanted(at: after(0.625)) == 10, "it fades")
    #expect(prefetch.wanted(at: after(0.75)) == 0)
    prefetch.jobEnded(after: 0.001, at: after(10))
    #expect(prefetch.wanted(at: after(10)) == 1, "what was long ago does not count")
  }

  @Test func jobsThatTakeLongDoNotCount() {
    var prefetch = Prefetch(limit: 1000)
    for _ in 0..<40 { prefetch.jobEnded(after: 0.26, at: start) }
    #expect(prefetch.wanted(at: start) == 0)
  }

  @Test func thereIsALimitAndZeroTurnsItOff() {
    for limit in [0, 7] {
      var prefetch = Prefetch(limit: limit)
      for _ in 0..<40 { prefetch.jobEnded(after: 0.001, at: start) }
      #expect(prefetch.wanted(at: start) == limit)
    }
  }

  @Test func nothingIsHeldForAWhileAfterItWasInVain() {
    var prefetch = Prefetch(limit: 1000)
    prefetch.jobEnded(after: 0.001, at: start)
    prefetch.hold(at: start)
    #expect(prefetch.wanted(at: start) == 0)
    prefetch.jobEnded(after: 0.001, at: after(9.9))
    #expect(prefetch.wanted(at: after(9.9)) == 0)
    #expect(prefetch.wanted(at: after(10)) == 1)
  }

  // MARK: The table

  private func table(slots: Int, limit: Int = 1000) -> LeaseTable {
    LeaseTable(
      slots: slots, prefetch: Prefetch(limit: limit), metrics: WorkerMetrics(registry: PrometheusRegistry()))
  }

  private func wish(_ table: LeaseTable, isBacklogged: Bool) -> LeaseTable.Wish? {
    LeaseTable.wish(table.state.value, slots: table.slots, isBacklogged: isBacklogged, at: .now)
  }

  private func queue(_ count: Int, in table: LeaseTable, receivedAt: ContinuousClock.Instant = .now) {
    let runs = (0..<count).map { _ in LeaseRun.test(receivedAt: receivedAt) }
    table.add(runs)
    #expect(table.queue(runs))
  }

  @Test func withoutABacklogOnlyWhatCanBeginIsAskedFor() {
    let table = table(slots: 4)
    #expect(wish(table, isBacklogged: false) == .init(leases: 4, waits: true))
    queue(30, in: table)
    #expect(table.openSlot())
    #expect(table.next(after: nil) != nil)
    for _ in 0..<29 { #expect(table.next(after: 0.001) != nil) }
    #expect(wish(table, isBacklogged: false) == .init(leases: 3, waits: true))
  }

  @Test func withABacklogMoreIsAskedForWhenHalfIsLeft() {
    let table = table(slots: 1)
    queue(30, in: table)
    #expect(wish(table, isBacklogged: true) == nil, "nothing has ended yet")
    #expect(table.openSlot())
    #expect(table.next(after: nil) != nil)
    // Twelve have ended, so twelve are worth holding; seventeen wait.
    for _ in 0..<12 { #expect(table.next(after: 0.0001) != nil) }
    #expect(table.prefetched == 17)
    #expect(wish(table, isBacklogged: true) == nil)
    for _ in 0..<8 { #expect(table.next(after: 0.0001) != nil) }
    #expect(table.prefetched == 9)
    #expect(wish(table, isBacklogged: true) == .init(leases: 11, waits: false))
    #expect(wish(table, isBacklogged: false) == nil)
  }

  @Test func slotsOpenOneByOneAndAreFreedWhenNothingWaits() {
    let table = table(slots: 2)
    #expect(!table.openSlot(), "nothing waits")
    queue(4, in: table)
    #expect(table.openSlot())
    #expect(!table.openSlot(), "the first has not begun")
    #expect(table.next(after: nil) != nil)
    #expect(table.openSlot())
    #expect(table.next(after: nil) != nil)
    #expect(!table.openSlot(), "there are two")
    #expect(table.prefetched == 2)
    #expect(table.next(after: 0) != nil)
    #expect(table.next(after: 0) != nil)
    #expect(table.next(after: 0) == nil)
    #expect(table.next(after: 0) == nil)
    #expect(table.state.value.busySlots == 0)
    queue(1, in: table)
    #expect(table.openSlot())
  }

  @Test func onceClosedNothingIsBegun() {
    let table = table(slots: 2)
    queue(3, in: table)
    #expect(table.openSlot())
    #expect(table.close().count == 3)
    #expect(table.next(after: nil) == nil)
    #expect(!table.queue([LeaseRun.test()]))
    #expect(table.next(after: nil) == nil)
    #expect(table.runs.count == 3, "they are held until the coordinator knows")
  }

  @Test func onlyTheOverdueAreTakenOut() {
    let table = table(slots: 1)
    queue(2, in: table, receivedAt: .now - .seconds(2))
    queue(3, in: table)
    #expect(table.takeOverdue(at: .now).count == 2)
    #expect(table.takeOverdue(at: .now).isEmpty)
    #expect(table.prefetched == 2)
  }

  @Test func aLeaseWhoseTrustRanOutDoesNotBegin() {
    let stale = LeaseRun.test(ttl: 1, receivedAt: .now - .seconds(2))
    #expect(!stale.begin(savesAfterStop: false) { _ in })
    #expect(stale.state.value.halt == .untrusted)
    #expect(stale.state.value.startedAt == nil)
    let cancelled = LeaseRun.test()
    cancelled.halt(.cancel)
    #expect(!cancelled.begin(savesAfterStop: false) { _ in })
    let fresh = LeaseRun.test()
    #expect(fresh.begin(savesAfterStop: false) { _ in })
    #expect(!fresh.begin(savesAfterStop: false) { _ in }, "once")
  }

  @Test func aJobIsSupervisedOnceItIsToldSomething() {
    let count = Watched(0)
    let run = LeaseRun.test()
    #expect(run.begin(savesAfterStop: false) { _ in count.update { $0 += 1 } })
    #expect(count.value == 0)
    run.halt(.cancel)
    run.halt(.lost)
    run.supervise()
    #expect(count.value == 1)
    #expect(run.end(with: nil)?.halt == .lost)
    #expect(run.end(with: .success(nil)) == nil, "the first word counts")
  }
}

extension LeaseRun {
  /// A lease of a job of no interest.
  static func test(
    ttl: Double = 30, receivedAt: ContinuousClock.Instant = .now
  ) -> LeaseRun {
    let grant = LeaseGrant(
      leaseID: LeaseID(), jobID: JobIDGenerator().next(), queue: "default", kind: "noop", payload: .emptyObject,
      attempt: 1, interruptions: 0, leaseTTLSeconds: ttl, timeoutSeconds: nil, onInterruption: .auto, checkpoint: nil)
    return LeaseRun(grant: grant, requestedAt: receivedAt, receivedAt: receivedAt)
  }
}
