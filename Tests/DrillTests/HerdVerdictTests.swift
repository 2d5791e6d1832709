import Testing

@testable import BatonDrill

/// A return that nobody noticed is found good, and each bad one bad for its own reason.
@Suite struct HerdVerdictTests {
  /// Killed at 10, started at 15, listening at 16, all back at 18; twenty answers a second of 5 ms each.
  private func record(_ change: (inout HerdVerdict.Record) -> Void = { _ in }) -> HerdVerdict.Record {
    var record = HerdVerdict.Record()
    record.workers = 1000
    (record.killedAt, record.startedAt, record.listeningAt, record.waitingAt) = (10, 15, 16, 18)
    for index in 0..<600 {
      let sentAt = Double(index) / 20
      let isAway = (10..<16).contains(sentAt)
      record.samples.append(.init(sentAt: sentAt, seconds: 0.005, isGood: !isAway))
    }
    (record.jobs, record.done, record.doneSeconds) = (1000, 1000, 1.5)
    (record.megabytesBefore, record.megabytesPeak) = (100, 120)
    change(&record)
    return record
  }

  private func violations(_ change: (inout HerdVerdict.Record) -> Void) -> [String] {
    HerdVerdict(record(change)).violations
  }

  @Test func aReturnThatNobodyNoticedIsGood() {
    let verdict = HerdVerdict(record())
    #expect(verdict.violations == [])
    #expect(verdict.remarks == [])
    #expect(verdict.calm.failed == 0 && verdict.calm.worst == 0.005)
    #expect(verdict.back.count == 280 && verdict.back.failed == 0)
  }

  @Test func whatFailsWhileItIsAwayIsNoFinding() {
    #expect(violations { $0.samples.append(.init(sentAt: 12, seconds: 3, isGood: false)) } == [])
  }

  @Test func workersThatComeLateOrNeverAreFound() {
    #expect(violations { $0.waitingAt = 27 } == ["it took 11.0 s until all workers waited again, not 10.0"])
    #expect(violations { $0.waitingAt = nil } == ["not all workers came back"])
  }

  @Test func aCoordinatorThatDoesNotComeBackIsFound() {
    #expect(violations { $0.listeningAt = nil } == ["the coordinator did not listen again"])
  }

  @Test func slowAndFailedAnswersAfterTheReturnAreFound() {
    #expect(
      violations { $0.samples.append(.init(sentAt: 17, seconds: 2.5, isGood: true)) } == [
        "an answer after the return took 2.5 s"
      ])
    #expect(
      violations { $0.samples.append(.init(sentAt: 17, seconds: 0.1, isGood: false)) } == [
        "1 of 281 requests after the return were not answered with success"
      ])
    #expect(
      violations { $0.samples.removeAll { $0.sentAt >= 16 } } == ["nobody asked for anything after the return"])
  }

  @Test func onlyALateMachineExcusesThem() {
    let slow = HerdVerdict.Sample(sentAt: 17, seconds: 2.5, isGood: true)
    func violations(lateAt time: Double, done: Int = 1000) -> [String] {
      self.violations { record in
        record.samples.append(slow)
        record.late = [(at: time, seconds: 1.2)]
        record.done = done
      }
    }
    #expect(violations(lateAt: 18) == [])
    #expect(violations(lateAt: 9) == ["an answer after the return took 2.5 s"])
    #expect(violations(lateAt: 18, done: 999) == ["1 of 1000 jobs were not done"])
  }

  @Test func memoryAndJobsAreJudged() {
    #expect(violations { $0.megabytesPeak = 301 } == ["the coordinator took 301 MB"])
    #expect(violations { $0.megabytesPeak = nil } == ["nobody knows how much memory the coordinator took"])
    let elsewhere = HerdVerdict(
      record { record in
        record.megabytesPeak = nil
        record.showsMemory = false
      })
    #expect(elsewhere.violations == [])
    #expect(elsewhere.remarks.count == 1)
    #expect(violations { $0.done = 0 } == ["1000 of 1000 jobs were not done"])
  }
}
