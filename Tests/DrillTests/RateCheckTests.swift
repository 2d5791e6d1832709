import Testing

@testable import BatonDrill

/// Whether the rate held where it has to, within a fault, after it, and behind a transaction around it.
@Suite struct RateCheckTests: FaultHistories {
  @Test func aRateThatFallsAgainAfterTheRecoveryIsFound() {
    let entries = history(fault.name) { index, start in start >= 29.5 && index.isMultiple(of: 10) }
    let verdict = FaultCheck(history: entries, faults: [fault]).verdict()
    #expect(verdict.violations == ["coordinator-sigkill: 9.0 jobs/s were done afterwards, and 10.0 before"])
    let short = FaultCheck(history: entries, faults: [fault], forgivesSlowness: true).verdict()
    #expect(short.violations == [])
    #expect(short.remarks.count == 1)
  }

  @Test func aRateThatFallsByAFewInAHundredIsNoFinding() {
    let entries = history(fault.name) { index, start in start >= 29.5 && index.isMultiple(of: 33) }
    #expect(FaultCheck(history: entries, faults: [fault]).verdict().violations == [])
  }

  @Test func behindAPinnedTransactionTheRateMustHold() {
    let pinned = PinnedTransaction()
    let good = FaultCheck(history: history(pinned.name) { _, _ in false }, faults: [pinned]).verdict()
    #expect(good.violations == [])
    let slow = history(pinned.name) { index, start in (9.5..<14.5).contains(start) && index.isMultiple(of: 10) }
    let verdict = FaultCheck(history: slow, faults: [pinned]).verdict()
    #expect(verdict.violations == ["pinned-transaction: 9.0 jobs/s were done while it lasted, and 10.0 before"])
  }

  @Test func behindADelayTheFleetGoesOn() {
    let delay = NetworkFault(place: .database, kind: .delay)
    let slow = history(delay.name) { index, start in (9.5..<14.5).contains(start) && !index.isMultiple(of: 10) }
    #expect(FaultCheck(history: slow, faults: [delay]).verdict().violations == [])
    let stopped = history(delay.name) { _, start in (11.9..<14.5).contains(start) }
    let verdict = FaultCheck(history: stopped, faults: [delay]).verdict()
    #expect(verdict.violations == ["database-delay: nothing more was done in the second half of it"])
    let cut = NetworkFault(place: .database, kind: .cut)
    let silent = history(cut.name) { _, start in (9.5..<14.5).contains(start) }
    #expect(FaultCheck(history: silent, faults: [cut]).verdict().violations == [])
  }

  /// The good history, with a transaction that is open from 2 to 42 and opened anew at 12.
  private func spanned(isOpenAgain: Bool = true, missing: @escaping (Int, Double) -> Bool = { _, _ in false })
    -> FaultVerdict
  {
    let pinned = PinnedTransaction()
    var around = HistoryMaker()
    // Jobs that are accepted and done outside the time of the good history.
    for index in 400..<540 {
      // From -4 to 0, and from 40 to 50.
      let start = Double(index < 440 ? index - 440 : index - 40) / 10
      around.at(start, .accepted(job(index), id: "id-\(index)"))
      around.at(start, .receipt(job: index, id: "id-\(index)", from: "coordinator-\(index % 2 + 1)", sentAt: start))
      let worker = "worker-\(index % 2 + 1)-1"
      around.at(
        start + 0.1, .given(worker: worker, job: "id-\(index)", attempt: 1),
        .began(worker: worker, job: "id-\(index)", attempt: 1))
      around.at(start + 0.5, .told(worker: "worker-\(index % 2 + 1)-1", job: "id-\(index)", attempt: 1, "done"))
      around.at(200, .ending(ending(index, "done", ["done"])))
    }
    around.at(201, .counted(jobs: 540))
    around.at(-2, .phase(fault: pinned.name, .before))
    around.at(2, .phase(fault: pinned.name, .begun), .transaction(isOpen: true))
    around.at(8, .transaction(isOpen: false))
    if isOpenAgain { around.at(9, .transaction(isOpen: true)) }
    around.at(41, .transaction(isOpen: false), .phase(fault: pinned.name, .passed(evidence: "it was open")))
    around.at(44, .phase(fault: pinned.name, .settled))
    around.at(49, .phase(fault: pinned.name, .over))
    let entries = history(fault.name, missing: missing) + around.entries
    return FaultCheck(history: entries, faults: [pinned, fault]).verdict()
  }

  @Test func aTransactionAroundAFaultIsGood() {
    let verdict = spanned()
    #expect(verdict.violations == [])
    #expect(verdict.rows.map(\.fault) == ["pinned-transaction", fault.name])
    #expect(verdict.rows[0].lasted == 39)
    // What is slow in the fault itself is that fault's business.
    #expect(spanned { _, start in (10..<14).contains(start) }.violations == [])
  }

  @Test func aTransactionThatWasNotOpenWhenAFaultBeganIsFound() {
    #expect(
      spanned(isOpenAgain: false).violations == [
        "pinned-transaction: the transaction was not open when coordinator-sigkill began"
      ])
  }

  @Test func aRateThatFallsBehindTheTransactionIsFound() {
    let verdict = spanned { index, start in start >= 4.5 && index.isMultiple(of: 10) }
    #expect(
      verdict.violations == [
        "pinned-transaction: before coordinator-sigkill only 9.0 jobs/s were done, and 10.0 at first"
      ])
    #expect(verdict.rows[0].during == 9)
  }
}
